package remap

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"github.com/docker-userns/docker-userns/internal/daemonjson"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/ranges"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// EnableOptions are what a user can ask of enable.
type EnableOptions struct {
	// User is the login name whose subordinate IDs are used. "" is dockremap.
	User string
	// Range is what to give it; a Size of 0 takes one that is free.
	Range idmap.Range
	// Driver is written too, so that the storage driver cannot change with an
	// upgrade; "" leaves it as it is.
	Driver    string
	NoRestart bool
	// Carry is what is copied to the remapped data root; nil if nothing is.
	Carry *Carry
	// Grants are the rights to what containers mount that the mapped users get.
	Grants  Grants
	Timeout time.Duration
	Now     time.Time
}

// PlanEnable plans how a surveyed host gets to userns-remap. The plan has no steps
// if the engine remaps already. The error is why no plan can be made; that the host is
// fit for remap is for the check package to say.
//
// dockerd is never left to choose a range on its own: from 28.0 on "default" may be
// given another user's (FindNextUIDRange of moby internal/usergroup).
func PlanEnable(f survey.Facts, o EnableOptions) (Plan, error) {
	if f.Engine.Err != nil {
		return Plan{}, fmt.Errorf("planning: %w", f.Engine.Err)
	}
	before := stateOf(f)
	if before.Remapped {
		return Plan{Verb: Enable, Before: before, After: before}, nil
	}
	if err := errors.Join(f.Containers.Err, f.Images.Err, f.Volumes.Err, f.Networks.Err); err != nil {
		return Plan{}, fmt.Errorf("recording what the engine has now, for verify to find what is missing later: %w", err)
	}
	if err := trusted(f); err != nil {
		return Plan{}, err
	}
	if o.User == "" {
		o.User = ranges.DefaultUser
	}
	who, err := identify(f, o)
	if err != nil {
		return Plan{}, err
	}
	edited, err := setRemap(f, who.value, o.Driver)
	if err != nil {
		return Plan{}, err
	}
	after := State{Remapped: true, Map: who.m, DataRoot: path.Join(before.DataRoot, who.m.Suffix())}
	p := planOf(f, Enable, before, after, o.Now, o.Timeout)
	p.Driver, p.Tree, p.Account = edited.pinned, after.DataRoot, who.made
	p.Config, p.Tables = edited.file(), []File{who.subuid, who.subgid}
	if p.Restarts = p.Unit != "" && !o.NoRestart; !p.Restarts {
		p.Restart = restartCommand(f.Unit.Value)
	}
	if p.Carry = o.Carry; p.Carry != nil {
		p.Twin = p.Carry.Job.To
	}
	if p.Grants = o.Grants; len(p.Grants.Job.Grants) > 0 {
		p.Rights = giveRights
	}
	if err := p.recordable(); err != nil {
		return Plan{}, err
	}
	p.Steps = slices.Concat(
		copying(p.Carry),
		arming(p),
		who.steps, // account, ranges
		validation(p, f, edited.after),
		edited.steps(),
		restarting(p, f, p.Carry.ran()),
		keeping(p),
	)
	return p, nil
}

// setRemap is the edit of daemon.json that turns remap on.
func setRemap(f survey.Facts, user, driver string) (edit, error) {
	config, err := configOf(f)
	if err != nil {
		return edit{}, err
	}
	keys := []pair{{"userns-remap", user}}
	if driver != "" {
		keys = append(keys, pair{driverKey, driver})
	}
	for _, k := range keys {
		if err := flagged(f, k.key); err != nil {
			return edit{}, fmt.Errorf("planning the change of %s: %w, and dockerd does not start with a setting in both places: remove the flag first", config.path, err)
		}
	}
	return config.set(keys)
}

const driverKey = "storage-driver"

// pair is a key of daemon.json and the string it is set to.
type pair struct{ key, value string }

// set gives the edit that sets keys. One that is there with another value is
// somebody's decision.
func (c config) set(keys []pair) (edit, error) {
	doc, err := daemonjson.Parse(c.data)
	if err != nil {
		return edit{}, fmt.Errorf("reading %s: %w", c.path, err)
	}
	e := edit{path: c.path, existed: c.existed, before: c.data, after: c.data, title: "Set userns-remap in " + c.path}
	for _, k := range keys {
		if raw, there := doc.Get(k.key); there {
			if s, ok := doc.String(k.key); ok && s == k.value {
				continue
			}
			return edit{}, fmt.Errorf("planning the change of %s: it already has %q: %.60s; remove that first, or ask for the same", c.path, k.key, raw)
		}
		if k.key == driverKey {
			e.pinned = k.value
		}
		e.after = doc.Set(k.key, k.value)
		if doc, err = daemonjson.Parse(e.after); err != nil {
			return edit{}, fmt.Errorf("planning the change of %s: %w", c.path, err)
		}
	}
	return e, nil
}

// identity is who the engine will remap to: the account, its ranges, the map,
// and what has to be done for them.
type identity struct {
	value          string // of userns-remap
	made           string // the account, if it has to be created; "" otherwise
	m              idmap.Map
	subuid, subgid File
	steps          []Step
}

func identify(f survey.Facts, o EnableOptions) (identity, error) {
	s := ranges.SettingsOf(f, o.User)
	account := s.Account
	if err := errors.Join(f.Accounts.Err, validUser(o.User, account)); err != nil {
		return identity{}, fmt.Errorf("planning for user %q: %w", o.User, err)
	}
	who := identity{value: valueFor(f.Accounts.Value, account)}
	if !account.Exists() {
		who.made = o.User
		step, err := makeAccount(f, o.User, Change{ID: id(o.Now)}.Comment())
		if err != nil {
			return identity{}, err
		}
		who.steps = append(who.steps, step)
	}
	if s.LinesErr != nil {
		return identity{}, s.LinesErr
	}
	if len(s.Lines.UID)+len(s.Lines.GID) > 0 {
		return who, who.keep(f, o, s)
	}
	return who, who.give(f, o, account)
}

// keep takes the ranges that the account has.
func (who *identity) keep(f survey.Facts, o EnableOptions, s ranges.Settings) error {
	m, err := s.Next()
	if err = cmp.Or(err, m.Err()); err != nil {
		return fmt.Errorf("using the ranges of %s in /etc/subuid and /etc/subgid: %w", s.Account.Name, err)
	}
	if o.Range.Size > 0 && m.String() != idmap.Single(o.Range.Start, o.Range.Size).String() {
		return fmt.Errorf("%s already has the ranges %s; remove its lines from /etc/subuid and /etc/subgid first, or omit --range", s.Account.Name, m)
	}
	who.m = m
	who.subuid, who.subgid = untouched(f.SubUID, subuidPath), untouched(f.SubGID, subgidPath)
	return nil
}

// give adds a range.
func (who *identity) give(f survey.Facts, o EnableOptions, a ranges.Account) error {
	r, err := pick(f, o, a)
	if err != nil {
		return err
	}
	who.m = idmap.Single(r.Start, r.Size)
	subuid, subgid := addLine(f.SubUID, subuidPath, a.Name, r), addLine(f.SubGID, subgidPath, a.Name, r)
	who.subuid, who.subgid = subuid.file(), subgid.file()
	step := Step{
		Name:  "ranges",
		Title: fmt.Sprintf("Give %s the subordinate IDs %s", a.Name, r) + inBrackets(r.Reason),
		Busy:  "giving it subordinate IDs",
		Diff:  subuid.diff() + subgid.diff(),
	}
	usermod := f.Tools.Value["usermod"]
	for _, e := range []edit{subuid, subgid} {
		switch {
		case usermod == "":
			step.Acts = append(step.Acts, Change{ID: id(o.Now)}.call("adding a line to "+e.path, "add", e.path, lineOf(a.Name, r)))
		case !e.existed: // usermod has no subordinate IDs if the file is missing
			step.Acts = append(step.Acts, replace(e.path, nil, 0o644))
		}
	}
	if usermod != "" {
		step = step.typed(run("giving "+a.Name+" its subordinate IDs", usermod, "--add-subuids", r.String(), "--add-subgids", r.String(), a.Name))
	}
	who.steps = append(who.steps, step)
	return nil
}

func inBrackets(s string) string {
	if s == "" {
		return ""
	}
	return " (" + s + ")"
}

// pick takes the range that was asked for, if nobody has any of it, or finds
// a free one.
func pick(f survey.Facts, o EnableOptions, a ranges.Account) (idmap.Range, error) {
	if o.Range.Size == 0 {
		r, err := ranges.Choose(f, a, idmap.Default)
		if err != nil {
			return r, fmt.Errorf("choosing a range of subordinate IDs for %s: %w", a.Name, err)
		}
		return r, nil
	}
	if err := o.Range.Err(); err != nil {
		return o.Range, fmt.Errorf("--range %d:%d: %w", o.Range.Start, o.Range.Size, err)
	}
	others, err := ranges.Taken(f, a)
	if err != nil {
		return o.Range, err
	}
	others = append(others, idmap.Accounts, idmap.Foreign, idmap.High)
	if taken := idmap.Overlaps([]idmap.Range{o.Range}, others); len(taken) > 0 {
		return o.Range, fmt.Errorf("--range %d:%d: it overlaps %s: %s", o.Range.Start, o.Range.Size, taken[0], taken[0].Reason)
	}
	return o.Range, nil
}
