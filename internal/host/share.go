package host

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"

	"github.com/fsnotify/fsnotify"
)

// shared is the socket by which one ssh lets others join its connection,
// ControlMaster of ssh_config(5). Users who have their own keep it: their
// connection is likely to be there already.
type shared struct {
	program string
	args    []string // of ssh, up to the host's name

	once   sync.Once
	dir    string // that the socket is in, "" if there is none of ours
	theirs string // the user's own socket, "" if there is none
}

// master are the flags of the ssh that others join.
func (s *shared) master() []string {
	s.once.Do(s.make)
	if s.dir == "" {
		return nil
	}
	return []string{"-o", "ControlMaster=auto", "-o", "ControlPersist=no", "-o", "ControlPath=" + s.socket()}
}

// join are the flags of an ssh that joins. If it may not, it connects by
// itself.
func (s *shared) join() []string {
	s.once.Do(s.make)
	if s.dir == "" {
		return nil
	}
	return []string{"-o", "ControlMaster=no", "-o", "ControlPath=" + s.socket()}
}

func (s *shared) socket() string { return filepath.Join(s.dir, "s") }

// control is the socket by which ssh -O reaches the connection, "" if there is
// none.
func (s *shared) control() string {
	s.once.Do(s.make)
	if s.dir == "" {
		return s.theirs
	}
	return s.socket()
}

// make finds a place for the socket, unless the user's configuration has one, or
// ssh has no such thing, as on Windows.
func (s *shared) make() {
	if runtime.GOOS == "windows" {
		return
	}
	config, err := exec.Command(s.program, append([]string{"-G"}, s.args...)...).Output()
	if err != nil {
		return
	}
	if s.theirs = controlPath(string(config)); s.theirs != "" {
		return
	}
	// Short: the path of a socket has about a hundred bytes, and ssh adds some.
	if dir, err := os.MkdirTemp("", "duns"); err == nil {
		s.dir = dir
	}
}

// controlPath reads what `ssh -G` prints: the path, "" if there is none.
func controlPath(config string) string {
	for line := range strings.Lines(config) {
		if path, ok := strings.CutPrefix(strings.TrimSpace(line), "controlpath "); ok && path != "none" {
			return path
		}
	}
	return ""
}

// joinable gives a channel that is closed once there is a connection to join: ssh
// makes the socket once it has logged in. It is nil if that cannot be seen from here.
// What waits for the socket ends with ctx.
func (s *shared) joinable(ctx context.Context) <-chan struct{} {
	s.once.Do(s.make)
	if s.dir == "" {
		return nil
	}
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return nil
	}
	if err := watcher.Add(s.dir); err != nil {
		_ = watcher.Close()
		return nil
	}
	found := make(chan struct{})
	go func() {
		defer watcher.Close()
		for {
			if _, err := os.Stat(s.socket()); err == nil {
				close(found)
				return
			}
			select {
			case <-watcher.Events:
			case err := <-watcher.Errors:
				if err != nil { // then the shell's answer tells
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return found
}

func (s *shared) remove() {
	if s.dir != "" {
		os.RemoveAll(s.dir)
	}
}
