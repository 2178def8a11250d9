package remap

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// grace is how long after its deadline the undo is waited for: restarts of the
// daemon take time then.
const grace = 3 * time.Minute

// undo has the host undo the change, and looks whether it did. The host does it by
// itself: if it cannot be reached, that is waited for.
func (a *attempt) undo(ctx context.Context) (Outcome, error) {
	limit := a.plan.Timeout + grace
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	told := a.fire(ctx)
	var refused *CommandError
	if errors.As(told, &refused) && refused.Code == codeDecided {
		return a.kept(ctx)
	}
	if told != nil && ctx.Err() != nil {
		told = fmt.Errorf("the host was not seen to be restored within %s; it continues to try for a while", limit)
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), settleTime)
		defer cancel()
	}
	var seen error
	for end := time.Now().Add(settleTime); ; pause(ctx, time.Second) {
		result, notes, err := a.restored(ctx)
		failed, isFailed := strings.CutPrefix(result, "failed: ")
		switch {
		case result == string(Undone) && err == nil:
			return RolledBack, notes
		case isFailed: // the host has given up
			return Uncertain, errors.Join(fmt.Errorf("the host could not undo the change: %s", failed), notes, err)
		case err == nil && told != nil:
			err = errors.New("the files and the engine look as before, but the host did not report that it undid the change")
		case err == nil:
			err = errors.New("the files and the engine look as before, but the host has not finished undoing the change")
		}
		if seen == nil || ctx.Err() == nil { // a look that was interrupted says nothing about the host
			seen = errors.Join(notes, err)
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return Uncertain, errors.Join(told, seen)
		}
	}
}

const (
	// codeDecided is the exit code of the script if the other one of keep and undo
	// was quicker.
	codeDecided = 4
	// settleTime is how long a daemon that was restarted may take to show all.
	settleTime = 30 * time.Second
)

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// kept ends a change whose last step was taken though its answer was lost.
func (a *attempt) kept(ctx context.Context) (Outcome, error) {
	if wrong := a.plan.Unmet(a.Prover.Survey(ctx)); len(wrong) > 0 {
		return Uncertain, fmt.Errorf("the change was kept, but the host is not as it should be: %s", strings.Join(wrong, "; "))
	}
	return Made, nil
}

// restored gives what the host says the undo came to, and as an error what is not as
// it was before the change. notes are what the script has to say of what somebody
// else has edited.
func (a *attempt) restored(ctx context.Context) (result string, notes, wrong error) {
	notesPath, resultPath := path.Join(a.plan.Dir(), "notes"), path.Join(a.plan.Dir(), "result")
	q := host.Questions{Files: []string{notesPath, resultPath}}
	for _, file := range a.plan.Files() {
		q.Files = append(q.Files, file.Path)
	}
	found, err := a.Host.Look(ctx, q)
	if err != nil {
		return "", nil, fmt.Errorf("reading whether the change was undone: %w", err)
	}
	result = strings.TrimSpace(string(found.Files[resultPath].Data))
	said := strings.TrimSpace(string(found.Files[notesPath].Data))
	if said != "" {
		notes = errors.New(said)
	}
	facts := a.Prover.Survey(ctx) // last: an engine that is down may take all the time there is
	if differences := a.plan.Unrestored(facts, found.Files, said); len(differences) > 0 {
		return result, notes, fmt.Errorf("the host is not as it was before: %s", strings.Join(differences, "; "))
	}
	return result, notes, nil
}

// fire starts the undo on the host, again and again if the host cannot be reached: it
// may be, soon. A host out of reach does it automatically.
func (a *attempt) fire(ctx context.Context) error {
	for {
		err := a.plan.call("undoing the change", "fire").do(ctx, a)
		var failed *CommandError
		if err == nil || errors.As(err, &failed) || ctx.Err() != nil {
			return err
		}
		if pause(ctx, 3*time.Second); ctx.Err() != nil {
			return err
		}
	}
}

// Unrestored is what of an engine, its files and accounts is not as it was before a
// change. A file that the notes of the undo name was edited by somebody else, whose
// edit is not undone. If the daemon was down before, it may be.
func (p Plan) Unrestored(f survey.Facts, files map[string]host.Body, notes string) []string {
	var wrong []string
	for _, file := range p.Files() {
		if strings.Contains(notes, file.Path) {
			continue
		}
		body := files[file.Path]
		switch there := body.Err == nil; {
		case !there && !isMissing(body.Err):
			wrong = append(wrong, body.Err.Error())
		case there != file.Existed:
			wrong = append(wrong, fmt.Sprintf("could not determine whether %s exists", file.Path))
		case there && sum(body.Data) != file.Before:
			wrong = append(wrong, "what "+file.Path+" holds")
		}
	}
	if p.Account != "" && !strings.Contains(notes, "account "+p.Account+" ") {
		if f.Accounts.Err != nil {
			wrong = append(wrong, "could not determine whether the user "+p.Account+" is gone: "+f.Accounts.Err.Error())
		} else if exists(f, p.Account) {
			wrong = append(wrong, "the user "+p.Account+" still exists")
		}
	}
	if p.Before.DataRoot == "" {
		return wrong
	}
	if f.Engine.Err != nil {
		return append(wrong, f.Engine.Err.Error())
	}
	return append(append(wrong, missing(p.Before, stateOf(f))...), newUnmanaged(p, f)...)
}
