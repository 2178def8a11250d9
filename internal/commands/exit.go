package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker/cli/cli"
)

// Exit codes, which scripts rely on.
const (
	codeFound    = 1 // it looked, and found something
	codeFailed   = 2 // it could not look, or could not do it
	codeRecovery = 3 // enable and disable: the host needs manual recovery
)

// errFound ends a command that did its work and found something wrong. What it
// found is printed by then.
var errFound = errors.New("found something")

// errReported ends a command that could not do all of its work, and has said so.
var errReported = errors.New("reported already")

// errRecovery ends a change after which the host needs manual recovery. How to do that is
// printed by then.
var errRecovery = errors.New("manual recovery required")

// verdict is the exit code of results: an error counts, and with strict all that is not
// known to be right.
func verdict(r report.Report, strict bool) error {
	if r.Summary[report.Error] > 0 || strict && r.Summary[report.Warning]+r.Summary[report.Unknown] > 0 {
		return errFound
	}
	return nil
}

// exit prints what is not printed yet of an error, and gives the
// code of the process.
func exit(stderr io.Writer, err error) int {
	switch {
	case err == nil, errors.Is(err, errFound), errors.Is(err, errRecovery), errors.Is(err, errReported):
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "interrupted")
	default:
		fmt.Fprintln(stderr, message(err))
	}
	return exitCode(err)
}

// exitCode is the code of the process that an error means.
func exitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errFound):
		return codeFound
	case errors.Is(err, errRecovery):
		return codeRecovery
	}
	return codeFailed
}

func message(err error) string {
	var status cli.StatusError
	if errors.As(err, &status) { // of the arguments: the usage follows on lines of its own
		err = &escape.LinesError{Lines: strings.Split(status.Error(), "\n")}
	}
	return escape.Error(err)
}
