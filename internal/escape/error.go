package escape

import (
	"errors"
	"strings"
)

// LinesError is an error of several lines, each of which is ours: none is a line end
// from outside. It stands for the error that it wraps, if any.
type LinesError struct {
	Lines []string
	Of    error
}

func (e *LinesError) Error() string { return strings.Join(e.Lines, "\n") }
func (e *LinesError) Unwrap() error { return e.Of }

// Error writes an error for a terminal: on one line, unless it is LinesError or joined
// of several, so that a text from outside cannot pass for a line of ours.
func Error(err error) string {
	if own, ok := err.(*LinesError); ok {
		lines := make([]string, len(own.Lines))
		for i, l := range own.Lines {
			lines[i] = Line(l)
		}
		return strings.Join(lines, "\n")
	}
	if parts := joined(err); parts != nil {
		lines := make([]string, len(parts))
		for i, e := range parts {
			lines[i] = Error(e)
		}
		return strings.Join(lines, "\n")
	}
	return Line(strings.TrimSpace(err.Error()))
}

// joined gives what errors.Join put together, nil for every other error.
func joined(err error) []error {
	many, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	parts := many.Unwrap()
	if err.Error() != errors.Join(parts...).Error() {
		return nil // of fmt.Errorf, with text of its own
	}
	return parts
}
