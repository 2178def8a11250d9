package remap

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/docker-userns/docker-userns/internal/host"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// grace is how long after its deadline the way back is waited for: restarts of
// the daemon are what takes time there.
const grace = 3 * time.Minute

// undo has the host return to what it was, and looks whether it did. The way
// back is taken by the host itself: what cannot be told it is waited for.
func (r Runner) undo(ctx context.Context, p Plan) (Outcome, error) {
	ctx, cancel := context.WithTimeout(ctx, p.Timeout+grace)
	defer cancel()
	told := r.fire(ctx, p)
	var refused *CommandError
	if errors.As(told, &refused) && refused.Code == codeDecided {
		return r.kept(ctx, p)
	}
	if told != nil && ctx.Err() != nil {
		told = fmt.Errorf("the host was not seen to be what it was within %s; it goes on trying for a while by itself", p.Timeout+grace)
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), settleTime)
		defer cancel()
	}
	var seen error
	for end := time.Now().Add(settleTime); ; {
		result, notes, err := r.differs(ctx, p)
		failed, isFailed := strings.CutPrefix(result, "failed: ")
		switch {
		case result == string(Undone) && err == nil:
			return Back, notes
		case isFailed: // the host has given up
			return Unsure, errors.Join(fmt.Errorf("the host could not undo it: %s", failed), notes, err)
		case err == nil && told != nil:
			err = errors.New("the files and the engine look as before, but the host did not say that it undid the change")
		case err == nil:
			err = errors.New("the files and the engine look as before, but the host has not finished undoing the change")
		}
		if seen == nil || ctx.Err() == nil { // a look that was broken off says nothing of the host
			seen = errors.Join(notes, err)
		}
		if time.Now().After(end) || ctx.Err() != nil {
			return Unsure, errors.Join(told, seen)
		}
		time.Sleep(time.Second)
	}
}

const (
	// codeDecided is how the script says that the other one of keep and undo was
	// quicker.
	codeDecided = 4
	// settleTime is how long a daemon that was restarted may take to show all.
	settleTime = 30 * time.Second
)

// kept ends a change whose last step was taken though its answer was lost.
func (r Runner) kept(ctx context.Context, p Plan) (Outcome, error) {
	if wrong := Proven(p, r.Prover.Survey(ctx)); len(wrong) > 0 {
		return Unsure, fmt.Errorf("the change was kept, but the host is not what it should be: %s", strings.Join(wrong, "; "))
	}
	return Made, nil
}

// differs gives what the host says the undo came to, and what is not as it was
// before the change; notes are what the script has to say of what somebody else has
// edited.
func (r Runner) differs(ctx context.Context, p Plan) (result string, notes, wrong error) {
	notesPath, resultPath := path.Join(p.Dir(), "notes"), path.Join(p.Dir(), "result")
	q := host.Questions{Files: []string{notesPath, resultPath}}
	for _, file := range p.Files {
		q.Files = append(q.Files, file.Path)
	}
	a, err := r.Host.Look(ctx, q)
	if err != nil {
		return "", nil, fmt.Errorf("looking whether the change was undone: %w", err)
	}
	result = strings.TrimSpace(string(a.Files[resultPath].Data))
	said := strings.TrimSpace(string(a.Files[notesPath].Data))
	if said != "" {
		notes = errors.New(said)
	}
	differences := Differs(p, r.Prover.Survey(ctx), a.Files, said) // last: an engine that is down may take all the time there is
	if len(differences) > 0 {
		return result, notes, fmt.Errorf("the host is not what it was: %s", strings.Join(differences, "; "))
	}
	return result, notes, nil
}

// fire starts the way back, again and again where the host cannot be reached:
// it may be, soon. A host out of reach returns by itself.
func (r Runner) fire(ctx context.Context, p Plan) error {
	for {
		err := r.act(ctx, run("undoing the change", "sh", p.scriptPath(), "fire"))
		var failed *CommandError
		if err == nil || errors.As(err, &failed) || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(3 * time.Second):
		}
	}
}

// Differs says what of an engine, its files and accounts is not as it was before a
// change. A file that the notes of the undo speak of was edited by somebody else, who is
// not undone. If the daemon was down before, it may be.
func Differs(p Plan, f survey.Facts, files map[string]host.Body, notes string) []string {
	var wrong []string
	for _, file := range p.Files {
		if strings.Contains(notes, file.Path) {
			continue
		}
		body := files[file.Path]
		switch there := body.Err == nil; {
		case !there && !isMissing(body.Err):
			wrong = append(wrong, body.Err.Error())
		case there != file.Existed:
			wrong = append(wrong, fmt.Sprintf("whether %s is there", file.Path))
		case there && sum(body.Data) != file.Before:
			wrong = append(wrong, "what "+file.Path+" holds")
		}
	}
	if p.Account != "" && !strings.Contains(notes, "account "+p.Account+" ") {
		if f.Accounts.Err != nil {
			wrong = append(wrong, "whether the user "+p.Account+" is gone: "+f.Accounts.Err.Error())
		} else if exists(f, p.Account) {
			wrong = append(wrong, "the user "+p.Account+" is still there")
		}
	}
	if p.Before.DataRoot == "" {
		return wrong
	}
	if f.Engine.Err != nil {
		return append(wrong, f.Engine.Err.Error())
	}
	return append(append(wrong, missing(p.Before, stateOf(f))...), left(p, f)...)
}

// left says which containers go on outside of the engine. Those that did so
// before are not the change's.
func left(p Plan, f survey.Facts) []string {
	if f.Left.Err != nil {
		return []string{f.Left.Err.Error()}
	}
	var wrong []string
	for _, l := range f.Left.Value {
		if !slices.Contains(p.Strangers, l.ID) {
			wrong = append(wrong, l.String())
		}
	}
	return wrong
}

// missing says what of one state another does not show. Images and containers
// may have come, and containers that were to be removed at their end are gone.
func missing(want, got State) []string {
	var wrong []string
	if want.Remapped != got.Remapped {
		wrong = append(wrong, fmt.Sprintf("remap is %s, not %s", onOff(got.Remapped), onOff(want.Remapped)))
	}
	if want.DataRoot != "" && want.DataRoot != got.DataRoot {
		wrong = append(wrong, fmt.Sprintf("the data root is %s, not %s", got.DataRoot, want.DataRoot))
	}
	return append(append(wrong, lost("container", want.Containers, got.Containers)...), lost("image", want.Images, got.Images)...)
}

func lost(what string, want, got []Object) []string {
	var wrong []string
	for _, w := range want {
		if !slices.ContainsFunc(got, func(g Object) bool { return g.ID == w.ID }) {
			wrong = append(wrong, fmt.Sprintf("%s %s is not there", what, w))
		}
	}
	return wrong
}

// String names the object as people do.
func (o Object) String() string {
	if o.Name != "" {
		return o.Name
	}
	return o.ID
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// Proven says what is missing of the state that a plan is to end in, as a survey
// shows it. That containers run as they should is for package verify to prove.
func Proven(p Plan, f survey.Facts) []string {
	if f.Engine.Err != nil {
		return []string{f.Engine.Err.Error()}
	}
	wrong := append(missing(p.After, stateOf(f)), left(p, f)...)
	if f.Engine.Value.SwitchedStore() {
		wrong = append(wrong, "the engine has switched back to containerd's image store, where builds fail under remap; take \"containerd-migration\" out of \"features\" in daemon.json")
	}
	return wrong
}
