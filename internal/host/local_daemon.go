package host

import "errors"

// ErrNoDaemon: no process of this machine that can be read is a dockerd.
var ErrNoDaemon = errors.New("no dockerd of this machine can be examined")
