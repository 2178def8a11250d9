package check

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/ranges"
)

// conflicts lists what others hold of the map's host IDs, the first maxDetails.
func conflicts(m idmap.Map, others ranges.Held) []Detail {
	var out []Detail
	for _, kind := range []struct {
		name         string
		mine, others []idmap.Range
	}{{"UID", m.UID.Ranges(""), others.UID}, {"GID", m.GID.Ranges(""), others.GID}} {
		for _, x := range idmap.Overlaps(kind.mine, kind.others) {
			name := fmt.Sprintf("%s %s", kind.name, x)
			if x.Size == 1 {
				name = fmt.Sprintf("%s %d", kind.name, x.Start)
			}
			out = append(out, Detail{Name: name, Note: x.Reason})
		}
	}
	return out[:min(len(out), maxDetails)]
}

// apart says how the account gets a range of its own. Where remap is on, that is
// no command to paste: another range is another data root.
func (in *Input) apart() string {
	if in.on() {
		return "move the others, or turn remap off, give " + in.remap.Account.Name + " another range, and turn it on again: it begins with an empty data root then"
	}
	return "give " + in.remap.Account.Name + " a range of its own"
}

// moveFix puts a range that nobody has in the place of the account's.
func moveFix(in *Input) []string {
	free, err := ranges.Choose(in.Facts, in.remap.Account, idmap.Default)
	if err != nil || !in.remap.Account.Exists() || in.on() {
		return nil
	}
	words := []string{"sudo", "usermod"}
	for _, r := range in.remap.Lines.Own().UID {
		words = append(words, "--del-subuids", r.String())
	}
	for _, r := range in.remap.Lines.Own().GID {
		words = append(words, "--del-subgids", r.String())
	}
	return []string{command(append(words, "--add-subuids", free.String(), "--add-subgids", free.String(), in.remap.Account.Name)...)}
}

func subidOverlap(in *Input) Result {
	m, r, ok := judged(in)
	if !ok {
		return r
	}
	if in.remap.LinesErr != nil {
		return unread("the ranges of others", in.remap.LinesErr)
	}
	if x, ok := selfOverlap(m); ok {
		return fail("the account's own ranges overlap at %s: the engine starts, but no container does", x).Fixed(moveFix(in)...)
	}
	found := conflicts(m, in.remap.Lines.Subordinate())
	if len(found) == 0 {
		return pass("nobody else has them")
	}
	return fail("containers and another owner of the ranges could act as each other: %s", in.apart()).
		With(found...).Fixed(moveFix(in)...)
}

func selfOverlap(m idmap.Map) (idmap.Range, bool) {
	for _, e := range []idmap.Extents{m.UID, m.GID} {
		own := e.Ranges("")
		for i := range own {
			for _, other := range own[i+1:] {
				if x, ok := own[i].Overlap(other); ok {
					return x, true
				}
			}
		}
	}
	return idmap.Range{}, false
}

func subidAccounts(in *Input) Result {
	m, r, ok := judged(in)
	switch {
	case !ok:
		return r
	case in.Accounts.Err != nil:
		return unread("the accounts", in.Accounts.Err)
	}
	found := conflicts(m, ranges.Accounts(in.Accounts.Value))
	switch {
	case len(found) > 0:
		return fail("containers could act as accounts of the host: %s", in.apart()).With(found...).Fixed(moveFix(in)...)
	case in.Accounts.Value.Incomplete:
		return unsure("none of those that were listed, but the list is not whole; look with: getent passwd; getent group")
	}
	return pass("none of %s and %s", count(len(in.Accounts.Value.Users), "user"), count(len(in.Accounts.Value.Groups), "group"))
}

// subidReserved warns of systemd's range for containers, save where the
// distribution's own login.defs begins in it.
func subidReserved(in *Input) Result {
	m, r, ok := judged(in)
	if !ok {
		return r
	}
	never := []idmap.Range{idmap.Accounts, idmap.Foreign, idmap.High}
	if found := conflicts(m, ranges.Held{UID: never, GID: never}); len(found) > 0 {
		return fail("the ranges take in IDs that are not for containers: %s", in.apart()).With(found...).Fixed(moveFix(in)...)
	}
	shared := []idmap.Range{idmap.Containers}
	found := conflicts(m, ranges.Held{UID: shared, GID: shared})
	switch {
	case len(found) == 0:
		return pass("they do")
	case ranges.Policy(in.Accounts.Value).Min >= idmap.Containers.Start:
		return pass("they lie where login.defs of this distribution puts all subordinate IDs")
	}
	return warn("the ranges lie where systemd-nspawn and systemd-nsresourced pick theirs").With(found...)
}

func subidLive(in *Input) Result {
	m, r, ok := judged(in)
	switch {
	case !ok:
		return r
	case in.Maps.Err != nil:
		return unread("which ID maps are in use", in.Maps.Err)
	}
	if found := conflicts(m, ranges.Live(in.Maps.Value, in.remap.Now)); len(found) > 0 {
		return fail("other processes run under IDs of the ranges now").With(found...)
	}
	return pass("ID maps in use: %d", len(in.Maps.Value))
}

func subidFree(in *Input) Result {
	switch {
	case in.Accounts.Err != nil:
		return unread("which IDs are free", in.Accounts.Err)
	case in.SubUID.Err != nil && !errors.Is(in.SubUID.Err, fs.ErrNotExist):
		return unread("which IDs are free", in.SubUID.Err)
	case in.SubGID.Err != nil && !errors.Is(in.SubGID.Err, fs.ErrNotExist):
		return unread("which IDs are free", in.SubGID.Err)
	}
	if m, _, ok := judged(in); ok && m.UID.Size() >= idmap.Default && m.GID.Size() >= idmap.Default {
		return skip("%s has ranges", in.remap.Account.Name)
	}
	free, err := ranges.Choose(in.Facts, in.remap.Account, idmap.Default)
	switch {
	case err != nil:
		return fail("%v", err)
	case free.Reason != "":
		return warn("%s: %s", free, free.Reason)
	}
	return pass("%s", free)
}
