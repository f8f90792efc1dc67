# Enters the environment, when it is sourced by fish:  source @BIN_NAME@/activate.fish
# Made by mayfly venv. Names are those of CPython's venv, so that its environments and this one can be left for each other.

function deactivate -d "Leave the Python environment"
    if set -q _OLD_VIRTUAL_PATH
        set -gx PATH $_OLD_VIRTUAL_PATH
        set -e _OLD_VIRTUAL_PATH
    end
    if set -q _OLD_VIRTUAL_PYTHONHOME
        set -gx PYTHONHOME $_OLD_VIRTUAL_PYTHONHOME
        set -e _OLD_VIRTUAL_PYTHONHOME
    end
    if set -q _OLD_FISH_PROMPT_OVERRIDE
        set -e _OLD_FISH_PROMPT_OVERRIDE
        # A fish that was started within the environment has the variable and not the functions.
        if functions -q _old_fish_prompt
            functions -e fish_prompt
            functions -c _old_fish_prompt fish_prompt
            functions -e _old_fish_prompt
        end
    end
    set -e VIRTUAL_ENV
    set -e VIRTUAL_ENV_PROMPT
    if test "$argv[1]" != nondestructive
        functions -e deactivate
    end
end

# Leave the one that is active.
deactivate nondestructive

set -gx VIRTUAL_ENV @ENV_DIR@
set -gx VIRTUAL_ENV_PROMPT @PROMPT@

set -gx _OLD_VIRTUAL_PATH $PATH
set -gx PATH "$VIRTUAL_ENV/@BIN_NAME@" $PATH

# It would lead the environment's Python to another library.
if set -q PYTHONHOME
    set -gx _OLD_VIRTUAL_PYTHONHOME $PYTHONHOME
    set -e PYTHONHOME
end

if test -z "$VIRTUAL_ENV_DISABLE_PROMPT"
    # fish asks a function for its prompt: the one that was there is called by ours.
    functions -c fish_prompt _old_fish_prompt
    function fish_prompt
        set -l last $status
        set_color blue
        printf '(%s)' $VIRTUAL_ENV_PROMPT
        set_color normal
        printf ' '
        # It may show how the last command ended.
        sh -c "exit $last"
        _old_fish_prompt
    end
    set -gx _OLD_FISH_PROMPT_OVERRIDE $VIRTUAL_ENV
end
