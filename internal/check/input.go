package check

import (
	"encoding/json"
	"errors"
	"io/fs"

	"github.com/docker-userns/docker-userns/internal/daemonjson"
	"github.com/docker-userns/docker-userns/internal/dockerd"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/ranges"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// Input is what a check looks at: the survey, and what several checks conclude
// from it.
type Input struct {
	survey.Facts
	Options

	config    daemonjson.Doc
	configErr error          // why daemon.json cannot be read or understood; nil where it is not there
	value     string         // of userns-remap, in daemon.json or as a flag
	from      string         // where the value stands, for a message
	account   ranges.Account // whose ranges count
	refusal   error          // dockerd's words on value
	features  map[string]any // of daemon.json

	lines    ranges.Lines // of /etc/subuid and /etc/subgid
	linesErr error
	next     predicted

	version      dockerd.Version // of the engine
	versionKnown bool
}

// NewInput draws the conclusions.
func NewInput(f survey.Facts, o Options) *Input {
	in := &Input{Facts: f, Options: o}
	in.version, in.versionKnown = dockerd.ParseVersion(f.Engine.Value.Version)
	switch {
	case f.Config.Err == nil && f.Config.Value.Truncated:
		in.configErr = daemonjson.ErrTooLarge
	case f.Config.Err == nil:
		in.config, in.configErr = daemonjson.Parse(f.Config.Value.Data)
	case !errors.Is(f.Config.Err, fs.ErrNotExist):
		in.configErr = f.Config.Err
	}
	in.setSettings()
	in.setAccount()
	in.lines, in.linesErr = ranges.Split(f, in.account)
	in.next.m, in.next.refusal, in.next.unread = ranges.Predict(f, in.account)
	return in
}

// predicted is the map that the engine makes when it starts next, or the words
// with which it refuses to; unread where the files could not be read.
type predicted struct {
	m               idmap.Map
	refusal, unread error
}

func (in *Input) setSettings() {
	in.value, in.from = in.setting("userns-remap")
	raw, _ := in.config.Get("features")
	_ = json.Unmarshal(raw, &in.features) // dockerd's own refusal of another type is not of remap
}

func (in *Input) setAccount() {
	switch {
	case in.User != "":
		in.account = ranges.Find(in.Accounts.Value, in.User)
	case in.value != "" && in.Accounts.Err == nil:
		in.account, in.refusal = ranges.Resolve(in.Accounts.Value, in.value)
	default:
		in.account = ranges.Find(in.Accounts.Value, "dockremap")
	}
}

// on says whether the engine remaps now. An engine that does not answer does
// not.
func (in *Input) on() bool {
	remapped, known := in.Remapped()
	return known && remapped
}

// wanted says whether the engine has to find an account with ranges when it
// starts next: it remaps now, or is set to.
func (in *Input) wanted() bool { return in.on() || in.value != "" }

// Map is the ID map that the engine has, or will have: from the account's
// ranges, else of the range that would be chosen for it. The error says why
// there is none.
func (in *Input) Map() (idmap.Map, error) {
	m, refusal := in.next.m, in.next.refusal
	switch {
	case in.next.unread != nil:
		return idmap.Map{}, in.next.unread
	case refusal == nil && len(m.UID.Ranges("")) > 0 && len(m.GID.Ranges("")) > 0:
		return m, nil
	case in.wanted():
		return idmap.Map{}, errors.Join(refusal, errNoMap)
	}
	free, err := ranges.Choose(in.Facts, in.account, idmap.Default)
	if err != nil {
		return idmap.Map{}, err
	}
	return idmap.Single(free.Start, free.Size), nil
}

var errNoMap = errors.New("the ranges give no ID map")
