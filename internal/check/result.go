package check

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/survey"
)

func pass(format string, args ...any) Result {
	return Result{Status: OK, Message: fmt.Sprintf(format, args...)}
}

func warn(format string, args ...any) Result {
	return Result{Status: Warning, Message: fmt.Sprintf(format, args...)}
}

func fail(format string, args ...any) Result {
	return Result{Status: Error, Message: fmt.Sprintf(format, args...)}
}

func skip(format string, args ...any) Result {
	return Result{Status: Skipped, Message: fmt.Sprintf(format, args...)}
}

func unsure(format string, args ...any) Result {
	return Result{Status: Unknown, Message: fmt.Sprintf(format, args...)}
}

// unread is the answer where the facts of a check are missing: what they are
// of, why, and how to find out.
func unread(what string, err error) Result {
	return unsure("%s cannot be told: %s", what, why(err))
}

func why(err error) string {
	switch {
	case errors.Is(err, host.ErrNone), errors.Is(err, survey.ErrNotThisHost):
		return err.Error() + "; run this on the daemon's host, or through a context with an ssh:// endpoint"
	case errors.Is(err, fs.ErrPermission):
		return err.Error() + "; run this as root or with sudo"
	case errors.Is(err, survey.ErrDaemonDown):
		return err.Error() + "; start it and run this again"
	}
	return err.Error()
}

func (r Result) fixed(commands ...string) Result {
	r.Fix = append(r.Fix, commands...)
	return r
}

func (r Result) with(details ...Detail) Result {
	r.Details = append(r.Details, details...)
	return r
}

// maxDetails is how many lines and ranges of a file are named. It does not
// count for what a person has to take care of one by one: containers, mounts.
const maxDetails = 100

// command writes words for a POSIX shell, each quoted where it has to be.
func command(words ...string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = quote(w)
	}
	return strings.Join(quoted, " ")
}

const plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./:@%+=,-"

func quote(word string) string {
	if word != "" && strings.Trim(word, plain) == "" {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// count writes a number with its noun: "1 container", "3 containers".
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// size writes bytes for people, in the units of docker.
func size(bytes int64) string {
	if bytes < 0 {
		return "size unknown"
	}
	n, unit := float64(bytes), 0
	for n >= 999.5 && unit < 5 {
		n, unit = n/1000, unit+1
	}
	return fmt.Sprintf("%.3g %s", n, [...]string{"B", "kB", "MB", "GB", "TB", "PB"}[unit])
}
