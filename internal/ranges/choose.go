package ranges

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// Choose finds a range of size host IDs, the same for UIDs and GIDs, that
// nobody on the host has.
func Choose(f survey.Facts, a Account, size int64) (idmap.Range, error) {
	used, err := Taken(f, a)
	if err != nil {
		return idmap.Range{}, err
	}
	return idmap.Free(used, size, Policy(f.Accounts.Value))
}

// Taken are the host IDs that somebody has, the account's own ranges among them.
// The files and the accounts have to be known; live maps count where they are.
func Taken(f survey.Facts, a Account) ([]idmap.Range, error) {
	if f.Accounts.Err != nil {
		return nil, fmt.Errorf("listing the accounts: %w", f.Accounts.Err)
	}
	lines, err := Split(f, a)
	if err != nil {
		return nil, err
	}
	var used []idmap.Range
	for _, h := range []Held{lines.Own(), lines.Subordinate(), Accounts(f.Accounts.Value), Live(f.Maps.Value, idmap.Map{})} {
		used = slices.Concat(used, h.UID, h.GID)
	}
	return used, nil
}

// Policy takes from login.defs(5) where subordinate UIDs and GIDs both may lie.
func Policy(a survey.Accounts) idmap.Policy {
	set := map[string]int64{}
	for line := range strings.Lines(string(a.LoginDefs.Data)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		if n, err := strconv.ParseInt(fields[1], 0, 64); err == nil {
			set[fields[0]] = n
		}
	}
	p := idmap.Policy{Min: max(set["SUB_UID_MIN"], set["SUB_GID_MIN"]), Max: set["SUB_UID_MAX"]}
	if g := set["SUB_GID_MAX"]; g > 0 && (p.Max == 0 || g < p.Max) {
		p.Max = g
	}
	return p
}
