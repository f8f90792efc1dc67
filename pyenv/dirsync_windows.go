package pyenv

// syncDir does nothing: Windows has no call for it, and NTFS journals names by itself.
func syncDir(string) error { return nil }
