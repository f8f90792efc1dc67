@echo off
rem Enters the environment, when it is called by cmd.exe:  @BIN_NAME@\activate.bat
rem Made by mayfly venv. Names are those of CPython's venv, so that its environments and this one can be left for each other.

rem Leave the one that is active.
if defined _OLD_VIRTUAL_PATH set "PATH=%_OLD_VIRTUAL_PATH%"
if defined _OLD_VIRTUAL_PROMPT set "PROMPT=%_OLD_VIRTUAL_PROMPT%"
if defined _OLD_VIRTUAL_PYTHONHOME set "PYTHONHOME=%_OLD_VIRTUAL_PYTHONHOME%"

set "VIRTUAL_ENV=@ENV_DIR@"
set "VIRTUAL_ENV_PROMPT=@PROMPT@"

if not defined PROMPT set "PROMPT=$P$G"
set "_OLD_VIRTUAL_PROMPT=%PROMPT%"
if not defined VIRTUAL_ENV_DISABLE_PROMPT set "PROMPT=(%VIRTUAL_ENV_PROMPT%) %PROMPT%"

set _OLD_VIRTUAL_PYTHONHOME=
if defined PYTHONHOME set "_OLD_VIRTUAL_PYTHONHOME=%PYTHONHOME%"
set PYTHONHOME=

set "_OLD_VIRTUAL_PATH=%PATH%"
set "PATH=%VIRTUAL_ENV%\@BIN_NAME@;%PATH%"
