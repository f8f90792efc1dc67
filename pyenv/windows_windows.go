package pyenv

// onWindows says whether environments that this system's shells enter have the layout of Windows.
const onWindows = true
