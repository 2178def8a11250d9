package grant

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/docker-userns/docker-userns/internal/host"
)

// The verbs of the program on a host. The first two are for the plugin, which they answer,
// and the others for the script of a change.
const (
	verbLook    = "look"      // reads a Survey
	verbInstall = "install"   // FOLDER: puts the program there
	verbReady   = "ready"     // does nothing: it can be run
	verbGive    = "give"      // FOLDER
	verbUngive  = "undo-give" // FOLDER
	verbTake    = "take"      // FOLDER: for disable
	verbUntake  = "undo-take" // FOLDER
)

// The files in the folder of a change.
const (
	ProgramFile = "program"     // that its script calls
	JobFile     = "grants.json" // the Job
	begunFile   = "begun"       // a right may have been given
	takenFile   = "taken"       // what the files were like that a right was taken from
)

// answer is what the program says to the plugin.
type answer struct {
	Found []Found `json:"found,omitempty"`
	Done  bool    `json:"done,omitempty"`
	Error string  `json:"error,omitempty"`
}

const (
	lookTime = 10 * time.Minute
	maxInput = 16 << 20 // bytes of a job, or of an answer
)

// A Remote does jobs on a host, as root.
type Remote struct {
	Host    host.Lender
	Program host.Program
}

// Look gives what is at each of the places of a survey on the host. The error is why none
// could be looked at.
func (r Remote) Look(ctx context.Context, s Survey) ([]Found, error) {
	input, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	found, err := r.ask(ctx, host.Job{Args: []string{"grant", verbLook}, Stdin: input, Wait: lookTime})
	if err == nil && len(found) != len(s.Places) {
		err = errors.New("the program on the host answered another question")
	}
	return found, err
}

// Install puts the program into the folder of a change, for its script.
func (r Remote) Install(ctx context.Context, folder string) error {
	_, err := r.ask(ctx, host.Job{Args: []string{"grant", verbInstall, folder}, Wait: time.Minute})
	return err
}

func (r Remote) ask(ctx context.Context, j host.Job) (found []Found, err error) {
	err = r.Host.Do(ctx, r.Program, j, func(output io.Reader) error {
		var a answer
		if err := json.NewDecoder(io.LimitReader(output, maxInput)).Decode(&a); err != nil {
			return fmt.Errorf("reading what the program on the host says: %w", err)
		}
		found = a.Found
		if !a.Done {
			return errors.New(a.Error)
		}
		return nil
	})
	return found, err
}
