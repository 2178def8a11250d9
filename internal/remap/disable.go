package remap

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"time"

	"github.com/docker-userns/docker-userns/internal/daemonjson"
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
	Timeout   time.Duration
	Now       time.Time
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
	if value, there := f.Daemon.Value.Flag("userns-remap"); there && f.Daemon.Err == nil {
		return p, fmt.Errorf("dockerd was started with --userns-remap=%s, which no file of Docker's says: take the flag out of what starts it (%s), and restart it", value, starts(f.Unit.Value))
	}
	enabled, known := newest(past)
	if known {
		p.After.Containers, p.After.Images = enabled.Before.Containers, enabled.Before.Images
	}
	p.begin(f, o.Now)
	edited, needed, err := takeOut(f, past, o)
	if err != nil {
		return p, err
	}
	if needed {
		p.Files = []File{edited.file()}
		p.Steps = append(p.Steps, p.arm())
		if edited.after != nil {
			p.validate(f, edited.after)
		}
		p.Steps = append(p.Steps, edited.step())
		p.finish(f, o.NoRestart || f.Engine.Err == nil && !p.Before.Remapped)
		if f.Engine.Err == nil && !p.Before.Remapped {
			p.Restart = "" // the daemon does not remap: it has not been restarted since the file was edited
		}
	} else if p.Before.Remapped {
		return p, fmt.Errorf("the engine remaps, but %s does not say so any more: restart it (%s), and it comes up without", f.ConfigPath(), restartCommand(f.Unit.Value))
	}
	if o.Forget && known {
		p.forget(f, enabled)
	}
	return p, nil
}

// starts names the files that say how dockerd is started.
func starts(u survey.Unit) string {
	if u.File == "" {
		return "its service"
	}
	s := u.File
	for _, f := range u.Files {
		s += ", " + f.Path
	}
	return s
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

var suffix = regexp.MustCompile(`/\d+\.\d+$`)

// plainRoot is the data root without remap.
func plainRoot(f survey.Facts) string {
	switch {
	case f.Engine.Err != nil:
		return path.Clean(f.Storage.Value.Real)
	case f.Engine.Value.Remapped():
		return suffix.ReplaceAllString(path.Clean(f.Engine.Value.DataRoot), "")
	}
	return path.Clean(f.Engine.Value.DataRoot)
}

// takeOut gives the edit of daemon.json, and whether one is needed: the exact
// bytes from before where nobody else changed the file, else the file without
// the keys that are ours.
func takeOut(f survey.Facts, past []Past, o DisableOptions) (edit, bool, error) {
	c, err := configOf(f)
	if err != nil {
		return edit{}, false, err
	}
	e := edit{path: c.path, existed: c.existed, before: c.data, title: "Take userns-remap out of " + c.path}
	if o.To != "" {
		return backTo(e, past, o.To)
	}
	doc, err := daemonjson.Parse(c.data)
	if err != nil {
		return e, false, fmt.Errorf("reading %s: %w", c.path, err)
	}
	if _, there := doc.Get("userns-remap"); !there {
		return e, false, nil
	}
	enabled, known := newest(past)
	file, _ := enabled.config()
	ours := known && file.Path == c.path
	if ours && file.After == sum(c.data) && (!file.Existed || enabled.Config != nil) {
		e.after, e.title = enabled.Config, "Put "+c.path+" back as it was before "+enabled.ID
		if !file.Existed {
			e.title = "Remove " + c.path + ", which was not there before " + enabled.ID
		}
		return e, true, nil
	}
	e.after = doc.Remove("userns-remap")
	if ours {
		if e.after, err = withoutDriver(e.after, enabled); err != nil {
			return e, false, fmt.Errorf("planning the change of %s: %w", c.path, err)
		}
	}
	if ours && !file.Existed && emptyObject(e.after) {
		e.after = nil
	}
	return e, true, nil
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
func backTo(e edit, past []Past, to string) (edit, bool, error) {
	for _, p := range past {
		if p.ID != to {
			continue
		}
		file, ok := p.config()
		switch {
		case !ok || file.Path != e.path:
			return e, false, fmt.Errorf("--to %s: that change was not of %s", to, e.path)
		case file.Existed && p.Config == nil:
			return e, false, fmt.Errorf("--to %s: its backup is not there any more, or was changed", to)
		}
		doc, err := daemonjson.Parse(p.Config)
		if err != nil {
			return e, false, fmt.Errorf("--to %s: reading its backup: %w", to, err)
		}
		if _, there := doc.Get("userns-remap"); there {
			return e, false, fmt.Errorf("--to %s: userns-remap was on before that change; name an earlier one", to)
		}
		e.after, e.title = p.Config, "Put "+e.path+" back as it was before "+to
		return e, string(e.after) != string(e.before) || (e.after == nil) != !e.existed, nil
	}
	return e, false, fmt.Errorf("--to %s: there is no such backup; 'ls %s' has them all", to, Folder)
}

// forget takes back what enable made besides daemon.json: its lines in
// /etc/subuid and /etc/subgid, then the user. Containers of the remapped root
// keep their owners as bare numbers.
func (p *Plan) forget(f survey.Facts, enabled Past) {
	step := Step{Name: StepForget, Title: "Take back the subordinate IDs that enable gave"}
	script := path.Join(Folder, enabled.ID, "change.sh")
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
		step.Acts = append(step.Acts, run("taking a line out of "+file.Path, "sh", script, "drop", file.Path, line))
	}
	if enabled.Account != "" && exists(f, enabled.Account) {
		step.Title += ", and the user " + enabled.Account
		step.Acts = append(step.Acts, p.dropAccount(f, enabled.Account))
	}
	if len(step.Acts) > 0 {
		p.Steps = append(p.Steps, step)
	}
}
