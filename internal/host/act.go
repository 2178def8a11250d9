package host

import "io/fs"

// File is what Replace writes. Its body is complete at Path or missing at
// all, also after a crash: it is written next to Path, synced and renamed.
//
// A file that is there keeps its owner, mode, extended attributes, POSIX ACL
// and SELinux label. Mode, UID and GID are for a new file.
// A symlink ([ErrSymlink]) or anything but a regular file ([ErrNotRegular]) is
// refused: who manages the file elsewhere has to change it there.
type File struct {
	Path     string // absolute, the directory must be there
	Data     []byte
	Mode     fs.FileMode // permission bits
	UID, GID int
}

// Command is a program and its arguments, given as they are: no shell reads
// them. Env adds to the environment; LC_ALL=C is always set, so that output can be
// compared.
type Command struct {
	Args  []string
	Env   []string // KEY=value
	Stdin []byte
}

// Result is what became of a command. Code is its exit code, 128+N where signal
// N ended it, 127 if there is no such program.
type Result struct {
	Stdout []byte // the first MaxOutput bytes
	Stderr []byte // likewise, without NULs and newlines at its end
	Code   int
}
