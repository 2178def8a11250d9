package carry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/docker-userns/docker-userns/internal/host"
)

// The verbs of the program on a host. All but the last read a job from standard input,
// and write messages, one a line.
const (
	verbMeasure = "measure"
	verbPrepare = "prepare"
	verbCheck   = "check"
	verbFinish  = "finish" // TO
)

// A message is what the program says. The last one says how it ended.
type message struct {
	State    *State    `json:"state,omitempty"`
	Measured *Measured `json:"measured,omitempty"`
	Result   *Result   `json:"result,omitempty"`
	Compared *Compared `json:"compared,omitempty"`
	Done     bool      `json:"done,omitempty"`
	Error    string    `json:"error,omitempty"`
}

// copyTime is how long a copy may take. It ends with the connection.
const copyTime = 24 * time.Hour

// A Remote does jobs on a host, as root.
type Remote struct {
	Host    host.Lender
	Program host.Program
}

// Measure measures a job on the host.
func (r Remote) Measure(ctx context.Context, j Job) (m Measured, err error) {
	err = r.do(ctx, verbMeasure, j, func(msg message) {
		if msg.Measured != nil {
			m = *msg.Measured
		}
	})
	return m, err
}

// Prepare prepares a job on the host. Each state is told to each, once a second.
func (r Remote) Prepare(ctx context.Context, j Job, each func(State)) error {
	return r.do(ctx, verbPrepare, j, func(msg message) {
		if msg.State != nil {
			each(*msg.State)
		}
	})
}

// Check compares a sample of a twin on the host.
func (r Remote) Check(ctx context.Context, j Job) (c Compared, err error) {
	err = r.do(ctx, verbCheck, j, func(msg message) {
		if msg.Compared != nil {
			c = *msg.Compared
		}
	})
	return c, err
}

// do runs a verb, and hands what it says to each.
func (r Remote) do(ctx context.Context, verb string, j Job, each func(message)) error {
	if err := j.valid(); err != nil {
		return err
	}
	input, err := json.Marshal(j)
	if err != nil {
		return err
	}
	return r.Host.Do(ctx, r.Program, host.Job{Args: []string{"carry", verb}, Stdin: input, Wait: copyTime}, func(output io.Reader) error {
		return receive(output, each)
	})
}

var errCutOff = errors.New("the program on the host ended before it was done")

// receive reads messages up to the last one.
func receive(output io.Reader, each func(message)) error {
	messages := json.NewDecoder(output)
	for {
		var m message
		err := messages.Decode(&m)
		switch {
		case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
			return errCutOff
		case err != nil:
			return fmt.Errorf("reading what the program on the host says: %w", err)
		case m.Error != "":
			return errors.New(m.Error)
		case m.Done:
			return nil
		}
		each(m)
	}
}

// ReadResult reads what finish wrote.
func ReadResult(text []byte) (Result, error) {
	var r Result
	err := json.Unmarshal(text, &r)
	return r, err
}
