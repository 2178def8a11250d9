package layercache

import "io/fs"

// Windows keeps the folders of users from others by itself.
func own(fs.FileInfo) bool { return true }

func trusted(fs.FileInfo) bool { return true }
