// Package host is the machine that a Docker daemon runs on: this one as root,
// this one through sudo, or another one through ssh. It looks at many things in
// one round trip, replaces a file atomically and runs a command.
//
// Of Docker it knows only how to find a daemon: its process on this machine, and
// its endpoint over ssh. It is not a file system: what it reads is bounded and
// meant for the configuration, the records and the /proc of a host, not for
// copying trees.
package host

import (
	"context"
	"errors"
	"io"
)

// Kinds of host, as Kind says them and as `--format json` prints them.
const (
	KindLocal = "local" // this machine, by this process
	KindSudo  = "sudo"  // this machine, as root through sudo(8)
	KindSSH   = "ssh"   // another machine, through ssh(1)
	KindNone  = "none"  // out of reach
)

// ErrNone is what every method of [None] returns.
var ErrNone = errors.New("the daemon's host is out of reach")

// A Host is safe for concurrent use. Over ssh and sudo one connection serves
// all calls, one after the other; it is made by the first call.
type Host interface {
	// Kind is one of the Kind constants.
	Kind() string
	// Root says why the host is looked at without root's rights, or nil where
	// it is looked at as root. It connects where that was not done yet.
	Root(ctx context.Context) error
	// Look answers a batch of questions in one round trip. What one question
	// could not learn stands in its own answer; the error is for the host as a
	// whole.
	Look(ctx context.Context, q Questions) (Answers, error)
	// ReadFiles hands the body of each file to each, in the order of paths and
	// in one round trip. A body is valid until each returns, and what each
	// leaves unread is passed over. A file that cannot be read comes with an
	// error instead of a body: fs.ErrNotExist, fs.ErrPermission, or
	// [ErrNotRegular] for anything but a regular file, which is not opened. An
	// error of each ends the reading and is returned.
	ReadFiles(ctx context.Context, paths []Path, each func(p Path, body io.Reader, err error) error) error
	// Replace puts a file in the place of another, or makes it: see [File].
	Replace(ctx context.Context, f File) error
	// Run runs a command. An exit code other than 0 is a Result, not an error.
	Run(ctx context.Context, c Command) (Result, error)
	// Close ends the connection. Calls after it fail.
	Close() error
}

// Errors that a path can have besides fs.ErrNotExist and fs.ErrPermission.
var (
	// ErrNotRegular: a directory, fifo, device or socket where a file was
	// expected. It was not opened.
	ErrNotRegular = errors.New("not a regular file")
	// ErrSymlink: a symlink where Replace expected the file itself.
	ErrSymlink = errors.New("a symbolic link")
)
