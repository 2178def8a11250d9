package remap

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/docker-userns/docker-userns/internal/daemonjson"
	"github.com/docker-userns/docker-userns/internal/dockerd"
	"github.com/docker-userns/docker-userns/internal/report"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// DisableOptions are what a user can ask of disable.
type DisableOptions struct {
	// To is the ID of an earlier change: daemon.json becomes what it was before
	// it. "" takes back the newest enable, or remap alone.
	To string
	// Forget removes the user and the ranges too, if enable made them.
	Forget bool
	// Reclaim are remapped data roots to delete.
	Reclaim []Tree
	// Volumes are the volumes in them that may be deleted though they hold something.
	Volumes   []string
	NoRestart bool
	// NoStart leaves the containers stopped that ran before remap was turned on.
	NoStart bool
	// Carry is what is copied back to the data root without remap; nil if nothing is.
	Carry   *Carry
	Timeout time.Duration
	Now     time.Time
}

// PlanDisable plans how a surveyed host gets rid of userns-remap, whoever turned
// it on. past are the changes that the host keeps. A daemon that is down because
// of remap is no obstacle.
func PlanDisable(f survey.Facts, past []Past, o DisableOptions) (Plan, error) {
	if f.Engine.Err != nil && !errors.Is(f.Engine.Err, survey.ErrDaemonDown) {
		return Plan{}, fmt.Errorf("planning: %w", f.Engine.Err)
	}
	if err := trusted(f); err != nil {
		return Plan{}, err
	}
	if err := flagged(f, "userns-remap"); err != nil {
		return Plan{}, fmt.Errorf("planning the change of %s: %w, so editing that file does not turn it off: remove the flag there, and restart the daemon (%s)",
			f.ConfigPath(), err, restartCommand(f.Unit.Value))
	}
	edited, needed, err := takeOut(f, past, o)
	if err != nil {
		return Plan{}, err
	}
	after, ran, recorded := recall(past, plainRoot(f))
	p := planOf(f, Disable, stateOf(f), after, free(past, o.Now), o.Timeout)
	p.Ran, p.Recorded, p.Trees = ran, recorded, o.Reclaim
	if p.Carry = o.Carry; p.Carry != nil {
		p.After, p.Ran, p.Recorded = p.Carry.state(p), slices.Concat(p.Carry.Ran, p.Carry.Again), true
		p.Twin, p.Aside = p.Carry.Job.To, p.Carry.Job.Aside
	}
	if !needed && p.Before.Remapped {
		return Plan{}, fmt.Errorf("the engine remaps, but %s no longer sets it: to turn it off, restart the engine on %s (%s)", f.ConfigPath(), p.On, restartCommand(f.Unit.Value))
	}
	if needed {
		p.Config = edited.file()
		p.Restarts, p.Restart = restartOf(p, f, o)
	}
	if p.Grants = givenBy(past); len(p.Grants.Job.Grants) > 0 && needed {
		if p.Rights = takeRights; !p.Restarts {
			return Plan{}, fmt.Errorf("the rights that enable --grant gave to %s are taken back while the daemon is down: that needs a daemon that systemd runs, and no --no-restart", p.Grants.paths())
		}
	}
	if err := p.recordable(); err != nil {
		return Plan{}, err
	}
	removal, notRemoved, err := removalOf(p, f, past, o)
	if err != nil {
		return Plan{}, err
	}
	p.NotRemoved = notRemoved
	if n := len(p.Grants.Job.Grants); n > 0 && !needed { // containers run
		p.NotRemoved = append(p.NotRemoved, "The rights that enable gave to "+p.Grants.paths()+" are kept, since remap was turned off by other means; see them with: getfacl -Rps -- PATH")
	}
	if needed {
		p.Steps = slices.Concat(copying(p.Carry), arming(p), validation(p, f, edited.after), edited.steps(), restarting(p, f, startedAgain(p, o)), keeping(p))
	}
	p.Steps = append(p.Steps, removal...)
	return p, nil
}

// free is the first second from now on that has named no change yet: a script may call
// enable and disable in one.
func free(past []Past, now time.Time) time.Time {
	for slices.ContainsFunc(past, func(p Past) bool { return p.ID == id(now) }) {
		now = now.Add(time.Second)
	}
	return now
}

// recall is the state that a data root is to be in without remap, with what it had
// before the change that turned remap on, and which of its containers ran, if that is
// recorded.
func recall(past []Past, root string) (after State, ran []Object, recorded bool) {
	after = State{DataRoot: root}
	enabled, known := newest(past)
	if !known || !enabled.Restarts || enabled.ID != lastKept(past) {
		return after, nil, false
	}
	was := enabled.Before
	after.Containers, after.Images, after.Volumes, after.Networks = was.Containers, was.Images, was.Volumes, was.Networks
	for _, c := range was.Containers {
		if slices.Contains(enabled.Running, c.ID) {
			ran = append(ran, c)
		}
	}
	return after, ran, true
}

// restartOf reports whether a plan that edits daemon.json restarts the daemon, and if
// not, what the user has to type for it. A daemon that does not remap has not been
// restarted since the file was edited: it runs as planned already.
func restartOf(p Plan, f survey.Facts, o DisableOptions) (bool, string) {
	plain := f.Engine.Err == nil && !p.Before.Remapped
	switch {
	case plain && o.To == "":
		return false, ""
	case plain || p.Unit == "" || o.NoRestart:
		return false, restartCommand(f.Unit.Value)
	}
	return true, ""
}

// startedAgain are the containers that the plan starts: those that ran before remap
// was turned on, whatever their restart policy.
func startedAgain(p Plan, o DisableOptions) []Object {
	if o.NoStart {
		return nil
	}
	return p.Ran
}

// removalOf are the steps that remove what was asked to be, once the change stays,
// and sentences about what is not.
func removalOf(p Plan, f survey.Facts, past []Past, o DisableOptions) (steps []Step, notRemoved []string, err error) {
	if o.Forget {
		if steps, notRemoved, err = forgetting(p, f, past); err != nil {
			return nil, nil, err
		}
	}
	reclaimed, err := reclaiming(p, o.Reclaim, o.Volumes)
	return append(steps, reclaimed...), notRemoved, err
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
	case f.Engine.Err != nil && f.Storage.Value.DataRoot == "":
		return ""
	case f.Engine.Err != nil:
		return path.Clean(f.Storage.Value.DataRoot)
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
	e := edit{path: c.path, existed: c.existed, before: c.data, title: "Remove userns-remap from " + c.path}
	if o.To != "" {
		return backTo(e, f, past, o.To)
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
		e.after, e.title = before(enabled), "Restore "+c.path+" as it was before "+enabled.ID
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

// plainBefore reports whether it is known what daemon.json was before a change, and
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

// before is daemon.json as it was before a change, nil if it did not exist.
func before(p Past) []byte {
	if !p.config().Existed {
		return nil
	}
	return append([]byte{}, p.Config...)
}

// withoutDriver takes out the storage driver that enable pinned, if it is
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
func backTo(e edit, f survey.Facts, past []Past, to string) (edit, bool, error) {
	for _, p := range past {
		if p.ID != to {
			continue
		}
		file := p.config()
		switch {
		case !f.Config.Value.Is(file.Path):
			return e, false, fmt.Errorf("--to %s: that change did not edit %s", to, e.path)
		case file.Existed && !p.HaveConfig:
			return e, false, fmt.Errorf("--to %s: its backup is missing or was changed", to)
		case !plainBefore(p):
			return e, false, fmt.Errorf("--to %s: userns-remap was already set before that change; name an earlier one", to)
		}
		e.after, e.title = before(p), "Restore "+e.path+" as it was before "+to
		return e, string(e.after) != string(e.before) || (e.after == nil) != !e.existed, nil
	}
	return e, false, fmt.Errorf("--to %s: no such change; list them with: %s", to, report.Docker(f, "userns", "disable", "--list"))
}
