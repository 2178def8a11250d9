package commands

import "os"

// giveTo does nothing: a new file has the owner of its folder's files.
func giveTo(string, os.FileInfo) {}
