package host

import (
	"errors"
	"io/fs"
	"strings"
	"syscall"
)

// errnos are the errors that a path can have, by the text that strerror(3) has
// for them in glibc and musl under LC_ALL=C. A tool's message ends with it.
var errnos = map[string]error{
	"No such file or directory":         fs.ErrNotExist,
	"Permission denied":                 fs.ErrPermission,
	"Operation not permitted":           fs.ErrPermission,
	"Not a directory":                   syscall.ENOTDIR,
	"File name too long":                syscall.ENAMETOOLONG,
	"Filename too long":                 syscall.ENAMETOOLONG,
	"Too many levels of symbolic links": syscall.ELOOP,
	"Symbolic link loop":                syscall.ELOOP,
	"Read-only file system":             syscall.EROFS,
	"No space left on device":           syscall.ENOSPC,
	"Disk quota exceeded":               syscall.EDQUOT,
	"Quota exceeded":                    syscall.EDQUOT,
	"Input/output error":                syscall.EIO,
	"I/O error":                         syscall.EIO,
	"irregular":                         ErrNotRegular,
	"symlink":                           ErrSymlink,
}

// saying turns a tool's message about a path into an error like those of
// package os.
func saying(op, path, message string) error {
	message = strings.TrimSpace(message)
	last := message[strings.LastIndex(message, ": ")+1:]
	if err, ok := errnos[strings.TrimSpace(last)]; ok {
		return &fs.PathError{Op: op, Path: path, Err: err}
	}
	if message == "" {
		message = "cannot be read"
	}
	return &fs.PathError{Op: op, Path: path, Err: errors.New(message)}
}
