package ranges

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/docker-userns/docker-userns/internal/daemonjson"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// DefaultUser is the account that dockerd makes and takes for "userns-remap": "default",
// and that this program makes unless it is given another one.
const DefaultUser = "dockremap"

// Settings are what an engine maps with now, and what it will map with when it starts
// next.
type Settings struct {
	Value  string // of userns-remap; "" if it is not set
	Origin string // where Value is, for a message
	// Unread says why Value may be another one: the flags of dockerd, or daemon.json,
	// could not be read.
	Unread error

	// Account is whose ranges count: the one that was asked for, otherwise that of
	// Value, otherwise [DefaultUser]. AccountRefusal has the words with which dockerd
	// refuses Value.
	Account        Account
	AccountRefusal error

	// Lines are those of /etc/subuid and /etc/subgid; LinesErr says why they could not
	// be read.
	Lines    Lines
	LinesErr error

	// Map is what the ranges of Account give, or MapRefusal has the words with which
	// dockerd refuses them. MapErr says why neither is known.
	Map                idmap.Map
	MapRefusal, MapErr error

	// Now is the map in force; it is empty if the engine does not remap, or does not
	// answer. Its size is a guess unless NowWhole: the data root tells its root only, and
	// the files have no map that begins there.
	Now      idmap.Map
	NowWhole bool

	user        string
	accountsErr error
}

// SettingsOf says what the surveyed engine will map with: as it is configured, or for a
// user, by login name, that is asked for instead.
func SettingsOf(f survey.Facts, user string) Settings {
	s := Settings{user: user, accountsErr: f.Accounts.Err}
	s.Value, s.Origin = f.Setting("userns-remap")
	if s.Origin == "" {
		_, errConfig := f.DaemonJSON()
		s.Unread = cmp.Or(errConfig, flagsErr(f))
	}
	switch {
	case user != "":
		s.Account = Find(f.Accounts.Value, user)
	case s.Value != "" && f.Accounts.Err == nil:
		s.Account, s.AccountRefusal = Resolve(f.Accounts.Value, s.Value)
	default:
		s.Account = Find(f.Accounts.Value, DefaultUser)
	}
	s.Lines, s.LinesErr = Split(f, s.Account)
	s.Map, s.MapRefusal, s.MapErr = Predict(f, s.Account)
	s.Now, s.NowWhole = inForce(f, s.Account)
	return s
}

// flagsErr says why the flags of dockerd are unknown: neither how it is started nor its
// process could be read.
func flagsErr(f survey.Facts) error {
	if f.Start.Err != nil && f.Daemon.Err != nil {
		return f.Daemon.Err
	}
	return nil
}

// A RefusedError has the words with which dockerd refuses to start with remap.
type RefusedError struct{ Words error }

// Error gives the words.
func (r RefusedError) Error() string { return r.Words.Error() }

// Unwrap gives what is behind them.
func (r RefusedError) Unwrap() error { return r.Words }

// ErrNotSet: nothing tells dockerd to remap.
var ErrNotSet = errors.New("userns-remap is no longer set, so after a restart remap would be off")

// Next is the map that the engine has after its next start. The error is a
// [RefusedError] if it would not remap then, and any other if that is unknown.
func (s Settings) Next() (idmap.Map, error) {
	var place *daemonjson.Error
	switch {
	case s.user != "":
	case errors.As(s.Unread, &place), errors.Is(s.Unread, daemonjson.ErrTooLarge):
		return idmap.Map{}, RefusedError{fmt.Errorf("reading daemon.json: %w", s.Unread)}
	case s.Unread != nil:
		return idmap.Map{}, s.Unread
	case s.Value == "":
		return idmap.Map{}, RefusedError{ErrNotSet}
	}
	switch {
	case s.accountsErr != nil:
		return idmap.Map{}, s.accountsErr
	case s.MapErr != nil:
		return idmap.Map{}, s.MapErr
	case s.AccountRefusal != nil:
		return idmap.Map{}, RefusedError{s.AccountRefusal}
	case s.MapRefusal != nil:
		return idmap.Map{}, RefusedError{s.MapRefusal}
	}
	return s.Map, nil
}
