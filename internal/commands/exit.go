package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/docker-userns/docker-userns/internal/escape"
	"github.com/docker/cli/cli"
)

// Exit codes, which scripts rely on.
const (
	codeFound   = 1 // looked, and found something
	codeTrouble = 2 // could not look, or could not do it
	codePerson  = 3 // enable and disable: the host was left in a state that needs a person
)

// errFound ends a command that did its work and found something wrong. What it
// found is printed by then.
var errFound = errors.New("found something")

// errReported ends a command that could not do all of its work, and has said so.
var errReported = errors.New("reported already")

// errPerson ends a change that left the host in a state that needs a person, who
// has been told.
var errPerson = errors.New("the host needs a person")

// exit prints what the user has not been told yet of an error, and gives the
// code of the process.
func exit(stderr io.Writer, err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errFound):
		return codeFound
	case errors.Is(err, errPerson):
		return codePerson
	case errors.Is(err, errReported):
	case errors.Is(err, context.Canceled):
		fmt.Fprintln(stderr, "interrupted")
	default:
		fmt.Fprintln(stderr, message(err))
	}
	return codeTrouble
}

func message(err error) string {
	var status cli.StatusError
	if errors.As(err, &status) { // of the arguments: the usage follows on lines of its own
		err = &escape.LinesError{Lines: strings.Split(status.Error(), "\n")}
	}
	return escape.Error(err)
}
