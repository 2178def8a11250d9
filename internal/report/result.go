package report

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// Pass is a result that is as it should be.
func Pass(format string, args ...any) Result { return result(OK, format, args) }

// Warn is a result that somebody should know of.
func Warn(format string, args ...any) Result { return result(Warning, format, args) }

// Fail is a result that is wrong.
func Fail(format string, args ...any) Result { return result(Error, format, args) }

// Skip is a question that does not apply.
func Skip(format string, args ...any) Result { return result(Skipped, format, args) }

// After is a question that was not asked, because another one, its cause, failed.
func After(cause string) Result {
	r := Skip("not checked, because %s failed", cause)
	r.Cause = cause
	return r
}

// Unsure is a question that could not be answered.
func Unsure(format string, args ...any) Result { return result(Unknown, format, args) }

func result(s Status, format string, args []any) Result {
	return Result{Status: s, Message: fmt.Sprintf(format, args...)}
}

// Unread is the answer if the facts for it are missing: what they are of, why, and how
// to find out.
func Unread(what string, err error) Result {
	return Unsure("could not determine %s: %s", what, Why(err)).Because(err)
}

// Because is a result whose reason is an error of a survey. Several results with one
// reason are shown as one.
func (r Result) Because(err error) Result {
	r.Reason = Why(err)
	return r
}

// Why is an error of a survey, with what to do about it.
func Why(err error) string {
	switch {
	case errors.Is(err, host.ErrNone), errors.Is(err, survey.ErrNotThisHost):
		return err.Error() + "; run this on the daemon's host, or use a context with an ssh:// endpoint"
	case errors.Is(err, fs.ErrPermission):
		return err.Error() + "; run this as root or with sudo"
	case errors.Is(err, survey.ErrDaemonDown):
		return err.Error() + "; start it and run this again"
	}
	return err.Error()
}

// Fixed adds commands that put it right.
func (r Result) Fixed(commands ...string) Result {
	r.Fix = append(r.Fix, commands...)
	return r
}

// With adds details.
func (r Result) With(details ...Detail) Result {
	r.Details = append(r.Details, details...)
	return r
}
