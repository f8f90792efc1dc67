# Enters the environment, when it is sourced by csh or tcsh:  source @BIN_NAME@/activate.csh
# Made by mayfly venv. Names are those of CPython's venv, so that its environments and this one can be left for each other.

# Leave the one that is active.
if ( $?_OLD_VIRTUAL_PATH ) then
    setenv PATH "$_OLD_VIRTUAL_PATH"
endif
if ( $?_OLD_VIRTUAL_PROMPT ) then
    set prompt = "$_OLD_VIRTUAL_PROMPT"
    unset _OLD_VIRTUAL_PROMPT
endif

setenv VIRTUAL_ENV @ENV_DIR@
setenv VIRTUAL_ENV_PROMPT @PROMPT@

set _OLD_VIRTUAL_PATH = "$PATH"
setenv PATH "${VIRTUAL_ENV}/@BIN_NAME@:${PATH}"
alias deactivate 'setenv PATH "$_OLD_VIRTUAL_PATH"; unset _OLD_VIRTUAL_PATH; unsetenv VIRTUAL_ENV; unsetenv VIRTUAL_ENV_PROMPT; rehash; unalias deactivate'

# A shell that runs a script has no prompt.
if ( $?prompt ) then
    set _OLD_VIRTUAL_PROMPT = "$prompt"
    alias deactivate 'set prompt = "$_OLD_VIRTUAL_PROMPT"; unset _OLD_VIRTUAL_PROMPT; setenv PATH "$_OLD_VIRTUAL_PATH"; unset _OLD_VIRTUAL_PATH; unsetenv VIRTUAL_ENV; unsetenv VIRTUAL_ENV_PROMPT; rehash; unalias deactivate'
    if ( ! $?VIRTUAL_ENV_DISABLE_PROMPT ) then
        set prompt = "(${VIRTUAL_ENV_PROMPT}) $prompt"
    endif
endif

rehash
