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

// giveOwnRange says how the account gets a range of its own. If remap is on, that is
// no command to paste: another range is another data root.
func (in *Input) giveOwnRange() string {
	if in.on() {
		return "move the others, or turn remap off, give " + in.remap.Account.Name + " another range, and turn remap on again, which starts with an empty data root"
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
		return fail("the ranges of %s overlap each other at %s: the engine starts, but no container does", in.remap.Account.Name, x).Fixed(moveFix(in)...)
	}
	found := conflicts(m, in.remap.Lines.Subordinate())
	if len(found) == 0 {
		return pass("no other owner has them")
	}
	return fail("the ranges of %s overlap those of another owner, so containers and that owner could act as each other; %s", in.remap.Account.Name, in.giveOwnRange()).
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
		return unread("the accounts of the host", in.Accounts.Err)
	}
	found := conflicts(m, ranges.Accounts(in.Accounts.Value))
	switch {
	case len(found) > 0:
		return fail("accounts of the host have IDs in the ranges of %s, so containers could act as them; %s", in.remap.Account.Name, in.giveOwnRange()).With(found...).Fixed(moveFix(in)...)
	case in.Accounts.Value.Incomplete:
		return unsure("no account on the list has one, but the list is incomplete; look with: getent passwd; getent group")
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
		return fail("the ranges of %s contain IDs that are not for containers; %s", in.remap.Account.Name, in.giveOwnRange()).With(found...).Fixed(moveFix(in)...)
	}
	shared := []idmap.Range{idmap.Containers}
	found := conflicts(m, ranges.Held{UID: shared, GID: shared})
	switch {
	case len(found) == 0:
		return pass("none")
	case ranges.Policy(in.Accounts.Value).Min >= idmap.Containers.Start:
		return pass("they are where login.defs of this distribution puts all subordinate IDs")
	}
	return warn("the ranges of %s are in the area from which systemd-nspawn and systemd-nsresourced take theirs", in.remap.Account.Name).With(found...)
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
		return fail("other processes use IDs of the ranges of %s", in.remap.Account.Name).With(found...)
	}
	return pass("none of %s in use", count(len(in.Maps.Value), "ID map"))
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
		return skip("%s already has ranges", in.remap.Account.Name)
	}
	free, err := ranges.Choose(in.Facts, in.remap.Account, idmap.Default)
	switch {
	case err != nil:
		return fail("no range is free: %v", err)
	case free.Reason != "":
		return warn("the only free range is %s: %s", free, free.Reason)
	}
	return pass("%s", free)
}
