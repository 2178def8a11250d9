package remap

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/docker-userns/docker-userns/internal/daemonjson"
	"github.com/docker-userns/docker-userns/internal/dockerd"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// DisableOptions are what a user can ask of disable.
type DisableOptions struct {
	// To is the ID of an earlier change: daemon.json becomes what it was before
	// it. "" takes back the newest enable, or remap alone.
	To string
	// Forget takes back the user and the ranges too, where enable made them.
	Forget    bool
	NoRestart bool
	// NoStart leaves the containers stopped that ran before remap was turned on.
	NoStart bool
	Timeout time.Duration
	Now     time.Time
}

// PlanDisable plans how a surveyed host gets rid of userns-remap, whoever turned
// it on. past are the changes that the host keeps. A daemon that is down because
// of remap is no obstacle.
func PlanDisable(f survey.Facts, past []Past, o DisableOptions) (Plan, error) {
	p := Plan{Verb: Disable, Before: stateOf(f), Timeout: o.Timeout}
	p.After = State{DataRoot: plainRoot(f)}
	if f.Engine.Err != nil && !errors.Is(f.Engine.Err, survey.ErrDaemonDown) {
		return p, fmt.Errorf("planning: %w", f.Engine.Err)
	}
	if err := trusted(f); err != nil {
		return p, err
	}
	if err := flagged(f, "userns-remap"); err != nil {
		return p, fmt.Errorf("planning the change of %s: %w, so editing that file does not turn it off: take the flag out there, and restart the daemon (%s)",
			f.ConfigPath(), err, restartCommand(f.Unit.Value))
	}
	enabled, known := newest(past)
	if known && enabled.Proven && enabled.ID == lastKept(past) {
		p.recall(enabled)
	}
	p.begin(f, o.Now)
	edited, needed, err := takeOut(f, past, o)
	if err != nil {
		return p, err
	}
	if needed {
		p.Files = []File{edited.file()}
		if edited.after != nil {
			p.validate(f, edited.after)
		}
		p.Steps = append(p.Steps, edited.step())
		p.finish(f, o.NoRestart || f.Engine.Err == nil && !p.Before.Remapped)
		p.arm()
		if f.Engine.Err == nil && !p.Before.Remapped && o.To == "" {
			p.Restart = "" // the daemon does not remap: it has not been restarted since the file was edited
		}
		if !o.NoStart {
			p.startRan()
		}
	} else if p.Before.Remapped {
		return p, fmt.Errorf("the engine remaps, but %s does not say so any more: restart it on %s (%s), and it comes up without", f.ConfigPath(), p.On, restartCommand(f.Unit.Value))
	}
	if o.Forget {
		if err := p.forget(f, past); err != nil {
			return p, err
		}
	}
	return p, p.recordable()
}

// recall takes from the change that turned remap on what the data root had that
// the plan goes back to.
func (p *Plan) recall(enabled Past) {
	was := enabled.Before
	p.Recorded = true
	p.After.Containers, p.After.Images, p.After.Volumes, p.After.Networks = was.Containers, was.Images, was.Volumes, was.Networks
	for _, c := range was.Containers {
		if slices.Contains(enabled.Running, c.ID) {
			p.Ran = append(p.Ran, c)
		}
	}
}

// startRan adds the start of the containers that ran before remap was turned on,
// whatever their restart policy: before the proof, which may ask an application
// for its health.
func (p *Plan) startRan() {
	at := slices.IndexFunc(p.Steps, func(s Step) bool { return s.Name == StepProve })
	if at < 0 || len(p.Ran) == 0 {
		return
	}
	var names []string
	for _, c := range p.Ran {
		names = append(names, c.String())
	}
	p.Steps = slices.Insert(p.Steps, at, Step{Name: StepStart, Title: "Start the containers that ran before enable: " + strings.Join(names, ", ")})
}

// newest is the last enable that was kept.
func newest(past []Past) (Past, bool) {
	for _, p := range past {
		if p.Verb == Enable && p.Verdict == Kept {
			return p, true
		}
	}
	return Past{}, false
}

// lastKept is the change that the host is in, by its ID.
func lastKept(past []Past) string {
	for _, p := range past {
		if p.Verdict == Kept {
			return p.ID
		}
	}
	return ""
}

// plainRoot is the data root without remap, "" if nothing tells.
func plainRoot(f survey.Facts) string {
	switch {
	case f.Engine.Err != nil && f.Storage.Value.Real == "":
		return ""
	case f.Engine.Err != nil:
		return path.Clean(f.Storage.Value.Real)
	case f.Engine.Value.Remapped():
		return dockerd.PlainRoot(f.Engine.Value.DataRoot)
	}
	return path.Clean(f.Engine.Value.DataRoot)
}

// takeOut gives the edit of daemon.json, and whether one is needed: the exact
// bytes from before if nobody else has changed the file or made another change
// since, otherwise the file without the keys that are ours. It is removed only if
// it holds what the change that made it left in it.
func takeOut(f survey.Facts, past []Past, o DisableOptions) (edit, bool, error) {
	c, err := configOf(f)
	if err != nil {
		return edit{}, false, err
	}
	e := edit{path: c.path, existed: c.existed, before: c.data, title: "Take userns-remap out of " + c.path}
	if o.To != "" {
		return backTo(e, f.Config.Value, past, o.To)
	}
	doc, err := daemonjson.Parse(c.data)
	if err != nil {
		return e, false, fmt.Errorf("reading %s: %w", c.path, err)
	}
	if _, there := doc.Get("userns-remap"); !there {
		return e, false, nil
	}
	enabled, known := newest(past)
	ours := known && f.Config.Value.Is(enabled.config().Path) && enabled.ID == lastKept(past)
	var file File
	if ours {
		file = enabled.config()
	}
	if ours && file.After == sum(c.data) && plainBefore(enabled) {
		e.after, e.title = before(enabled), "Put "+c.path+" back as it was before "+enabled.ID
		if !file.Existed {
			e.title = "Remove " + c.path + ", which did not exist before " + enabled.ID
		}
		return e, true, nil
	}
	e.after = doc.Remove("userns-remap")
	if ours {
		if e.after, err = withoutDriver(e.after, enabled); err != nil {
			return e, false, fmt.Errorf("planning the change of %s: %w", c.path, err)
		}
	}
	return e, true, nil
}

// plainBefore says whether it is known what daemon.json was before a change, and
// that it did not ask for remap then: enable may have been called twice before
// the daemon was restarted.
func plainBefore(p Past) bool {
	if !p.config().Existed {
		return true
	}
	doc, err := daemonjson.Parse(p.Config)
	_, there := doc.Get("userns-remap")
	return p.HaveConfig && err == nil && !there
}

// before is daemon.json as it was before a change, nil where it was not there.
func before(p Past) []byte {
	if !p.config().Existed {
		return nil
	}
	return append([]byte{}, p.Config...)
}

// withoutDriver takes out the storage driver that enable pinned, where it is
// still the same.
func withoutDriver(text []byte, enabled Past) ([]byte, error) {
	doc, err := daemonjson.Parse(text)
	if err != nil || enabled.Driver == "" {
		return text, err
	}
	if s, ok := doc.String(driverKey); ok && s == enabled.Driver {
		return doc.Remove(driverKey), nil
	}
	return text, nil
}

// backTo is the edit that brings back daemon.json as it was before a change.
func backTo(e edit, now survey.ConfigFile, past []Past, to string) (edit, bool, error) {
	for _, p := range past {
		if p.ID != to {
			continue
		}
		file := p.config()
		switch {
		case !now.Is(file.Path):
			return e, false, fmt.Errorf("--to %s: that change was not of %s", to, e.path)
		case file.Existed && !p.HaveConfig:
			return e, false, fmt.Errorf("--to %s: its backup is missing or was changed", to)
		case !plainBefore(p):
			return e, false, fmt.Errorf("--to %s: userns-remap was asked for before that change too; name an earlier one", to)
		}
		e.after, e.title = before(p), "Put "+e.path+" back as it was before "+to
		return e, string(e.after) != string(e.before) || (e.after == nil) != !e.existed, nil
	}
	return e, false, fmt.Errorf("--to %s: there is no such backup; 'ls %s' has them all", to, Folder)
}

// forget takes back what every enable made besides daemon.json: its lines in
// /etc/subuid and /etc/subgid, then the user. Containers of the remapped root
// keep their owners as bare numbers.
func (p *Plan) forget(f survey.Facts, past []Past) error {
	step := Step{Name: StepForget, Title: "Take back the subordinate IDs that enable gave"}
	var account Act
	for _, enabled := range past {
		login := enabled.Account
		switch {
		case enabled.Verb != Enable || enabled.Verdict != Kept:
			continue
		case login == "" || !exists(f, login):
		case !accountMade(f.Accounts.Value, enabled):
			p.Left = append(p.Left, fmt.Sprintf("The user %s is left, with its subordinate IDs: it is not as the change %s made it", login, enabled.ID))
			continue
		case account.Run == nil:
			step.Title += ", and the user " + login
			account = run("deleting the user "+login, "sh", enabled.scriptPath(), "forget")
		}
		p.forgetLines(f, enabled, &step)
	}
	if account.Run != nil {
		step.Acts = append(step.Acts, account)
	}
	if len(step.Acts) == 0 {
		return nil
	}
	if p.Restart != "" {
		return fmt.Errorf("--restore-subids: containers run under these IDs until the daemon is restarted; restart it first on %s (%s)", p.On, p.Restart)
	}
	p.Steps = append(p.Steps, step)
	return nil
}

// forgetLines adds the lines that one enable added and that are still there.
func (p *Plan) forgetLines(f survey.Facts, enabled Past, step *Step) {
	for _, file := range enabled.Files[1:] {
		text := f.SubUID.Value.Data
		if file.Path == subgidPath {
			text = f.SubGID.Value.Data
		}
		line, ok := lineIn(file.Added, text)
		if !ok {
			continue
		}
		e := edit{path: file.Path, existed: true, before: text, after: without(text, line)}
		step.Diff += e.diff()
		step.Acts = append(step.Acts, run("taking a line out of "+file.Path, "sh", enabled.scriptPath(), "drop", file.Path, line))
	}
}
