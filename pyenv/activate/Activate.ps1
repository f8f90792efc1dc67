<#
.SYNOPSIS
Enters the Python environment that this script is in.

.DESCRIPTION
Puts the environment's programs first on PATH, and shows its name in the prompt. The function deactivate leaves it.
Made by mayfly venv. Names are those of CPython's venv, so that its environments and this one can be left for each other.

.PARAMETER VenvDir
The environment's folder. Without it, the one above that of this script.

.PARAMETER Prompt
What the prompt shows. Without it, what pyvenv.cfg says, or else the name of the folder.

.EXAMPLE
. @BIN_NAME@/Activate.ps1
#>
param(
    [string] $VenvDir,
    [string] $Prompt
)

function global:deactivate ([switch] $NonDestructive) {
    if (Test-Path -Path Function:_OLD_VIRTUAL_PROMPT) {
        Copy-Item -Path Function:_OLD_VIRTUAL_PROMPT -Destination Function:prompt
        Remove-Item -Path Function:_OLD_VIRTUAL_PROMPT
    }
    foreach ($name in 'PATH', 'PYTHONHOME') {
        if (Test-Path -Path "Env:_OLD_VIRTUAL_$name") {
            Copy-Item -Path "Env:_OLD_VIRTUAL_$name" -Destination "Env:$name"
            Remove-Item -Path "Env:_OLD_VIRTUAL_$name"
        }
    }
    foreach ($name in 'VIRTUAL_ENV', 'VIRTUAL_ENV_PROMPT') {
        if (Test-Path -Path "Env:$name") {
            Remove-Item -Path "Env:$name"
        }
    }
    if (-not $NonDestructive) {
        Remove-Item -Path Function:deactivate
    }
}

if (-not $VenvDir) {
    $VenvDir = Split-Path -Parent -Path $PSScriptRoot
}
if (-not $Prompt) {
    $Prompt = if ($PSBoundParameters.ContainsKey('VenvDir')) { Split-Path -Leaf -Path $VenvDir } else { @PROMPT@ }
}

# Leave the one that is active.
deactivate -NonDestructive

$env:VIRTUAL_ENV = $VenvDir
$env:VIRTUAL_ENV_PROMPT = $Prompt

if (-not $env:VIRTUAL_ENV_DISABLE_PROMPT) {
    function global:_OLD_VIRTUAL_PROMPT { '' }
    Copy-Item -Path Function:prompt -Destination Function:_OLD_VIRTUAL_PROMPT
    function global:prompt {
        Write-Host -NoNewline -ForegroundColor Green "($env:VIRTUAL_ENV_PROMPT) "
        _OLD_VIRTUAL_PROMPT
    }
}

# It would lead the environment's Python to another library.
if (Test-Path -Path Env:PYTHONHOME) {
    Copy-Item -Path Env:PYTHONHOME -Destination Env:_OLD_VIRTUAL_PYTHONHOME
    Remove-Item -Path Env:PYTHONHOME
}

$env:_OLD_VIRTUAL_PATH = $env:PATH
$env:PATH = (Join-Path -Path $VenvDir -ChildPath '@BIN_NAME@') + [IO.Path]::PathSeparator + $env:PATH
