package testengine

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
)

// candidates are users that every system has and that hold no ranges. An engine
// takes one whose group has the same name.
var candidates = []string{"games", "news", "uucp", "lp", "mail", "daemon", "bin"}

var rangeFiles = []string{"/etc/subuid", "/etc/subgid"}

// lendRange gives a system user the range of an engine until release is called,
// under a lock that keeps other tests away from the two files meanwhile. What
// an interrupted test left there is taken out by the next.
func lendRange() (user string, release func(), err error) {
	unlock, err := lock()
	if err != nil {
		return "", nil, err
	}
	user, err = borrower()
	if err != nil {
		unlock()
		return "", nil, err
	}
	line := fmt.Sprintf("%s:%d:%d\n", user, Base, Size)
	release = func() {
		for _, name := range rangeFiles {
			_ = edit(name, func(s string) string { return without(s, line) })
		}
		unlock()
	}
	for _, name := range rangeFiles {
		if err := edit(name, func(s string) string { return without(s, line) + line }); err != nil {
			release()
			return "", nil, err
		}
	}
	return user, release, nil
}

func lock() (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(os.TempDir(), "docker-userns-testengine.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		if err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != syscall.EINTR {
			break
		}
	}
	return func() { _ = f.Close() }, err
}

// borrower is a user without a range of its own.
func borrower() (string, error) {
	for _, name := range candidates {
		if _, err := user.Lookup(name); err != nil {
			continue
		}
		if _, err := user.LookupGroup(name); err == nil && !hasRange(name) {
			return name, nil
		}
	}
	return "", errors.New("no system user is free to borrow it")
}

func hasRange(user string) bool {
	ours := fmt.Sprintf("%s:%d:%d\n", user, Base, Size)
	for _, name := range rangeFiles {
		b, _ := os.ReadFile(name)
		if strings.Contains("\n"+without(string(b), ours), "\n"+user+":") {
			return true
		}
	}
	return false
}

// without takes one line, which ends in a newline, out of a text.
func without(text, line string) string {
	var kept strings.Builder
	for l := range strings.Lines(text) {
		if l != line {
			kept.WriteString(l)
		}
	}
	return kept.String()
}

// edit rewrites a file, in place: it is never left without its lines, since
// what is there only grows or loses our own.
func edit(name string, change func(string) string) error {
	b, err := os.ReadFile(name)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	text := string(b)
	if text != "" && !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return os.WriteFile(name, []byte(change(text)), 0o644)
}
