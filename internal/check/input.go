package check

import (
	"encoding/json"
	"errors"

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
	configErr error           // why daemon.json cannot be read or understood; nil if it does not exist
	features  map[string]any  // of daemon.json
	remap     ranges.Settings // what the engine maps with, now and next

	version      dockerd.Version // of the engine
	versionKnown bool
}

// NewInput draws the conclusions.
func NewInput(f survey.Facts, o Options) *Input {
	in := &Input{Facts: f, Options: o, remap: ranges.SettingsOf(f, o.User)}
	in.version, in.versionKnown = dockerd.ParseVersion(f.Engine.Value.Version)
	in.config, in.configErr = f.DaemonJSON()
	raw, _ := in.config.Get("features")
	_ = json.Unmarshal(raw, &in.features) // dockerd's own refusal of another type is not of remap
	return in
}

// on reports whether the engine remaps now. An engine that does not answer does
// not.
func (in *Input) on() bool {
	remapped, known := in.Remapped()
	return known && remapped
}

// wanted reports whether the engine has to find an account with ranges when it
// starts next: it remaps now, or is set to.
func (in *Input) wanted() bool { return in.on() || in.remap.Value != "" }

// Map is the ID map that the engine has, or will have: from the account's
// ranges, else of the range that would be chosen for it. The error says why
// there is none.
func (in *Input) Map() (idmap.Map, error) {
	m, refusal := in.remap.Map, in.remap.MapRefusal
	switch {
	case in.remap.MapErr != nil:
		return idmap.Map{}, in.remap.MapErr
	case refusal == nil && len(m.UID.Ranges("")) > 0 && len(m.GID.Ranges("")) > 0:
		return m, nil
	case in.wanted():
		return idmap.Map{}, errors.Join(refusal, errNoMap)
	}
	free, err := ranges.Choose(in.Facts, in.remap.Account, idmap.Default)
	if err != nil {
		return idmap.Map{}, err
	}
	return idmap.Single(free.Start, free.Size), nil
}

var errNoMap = errors.New("the ranges give no ID map")
