package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Limits of looking for sockets inside of a container.
const (
	maxSockets  = 64
	maxDepth    = 3    // directories below the one that was asked for
	maxSearched = 4096 // names
	connectTime = 2 * time.Second
)

// connectInside connects to each path, or, if it is a directory, to each socket
// in it, and says what came of it: a line with "connected" or "refused", the path
// quoted as Go does, and the reason.
func connectInside(paths []string, stdout io.Writer) {
	left := maxSockets
	for _, p := range paths {
		for _, socket := range socketsAt(p, &left) {
			if err := connectUnix(socket); err != nil {
				fmt.Fprintln(stdout, "refused", strconv.Quote(socket), reason(err))
			} else {
				fmt.Fprintln(stdout, "connected", strconv.Quote(socket))
			}
		}
	}
	fmt.Fprintln(stdout, lastLine)
}

// socketsAt are the sockets at or below a path. What may not be looked into is
// handed on: connecting says why.
func socketsAt(top string, left *int) (sockets []string) {
	searched := 0
	_ = filepath.WalkDir(top, func(p string, d fs.DirEntry, err error) error {
		searched++
		switch {
		case *left == 0 || searched > maxSearched:
			return fs.SkipAll
		case p == top && (err != nil || d.Type()&fs.ModeSymlink != 0), err == nil && d.Type()&fs.ModeSocket != 0:
			sockets, *left = append(sockets, p), *left-1
		case err == nil && d.IsDir() && strings.Count(strings.TrimPrefix(p, top), "/") > maxDepth:
			return fs.SkipDir
		}
		return nil
	})
	return sockets
}

// connectUnix connects with connect(2), as whatever kind of socket it is.
func connectUnix(path string) error {
	var err error
	dialer := net.Dialer{Timeout: connectTime}
	for _, network := range []string{"unix", "unixgram", "unixpacket"} {
		var c net.Conn
		if c, err = dialer.DialContext(context.Background(), network, path); err == nil {
			return c.Close()
		}
		if !errors.Is(err, syscall.EPROTOTYPE) {
			return err
		}
	}
	return err
}
