package audit

import (
	"archive/tar"
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/docker-userns/docker-userns/internal/dockerfile"
	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/image"
	"github.com/docker-userns/docker-userns/internal/tarwalk"
)

// A Renumbering says which owner replaces each one of an image that the ID map does not
// take. Accounts get numbers that the image has not, all other owners become root.
type Renumbering struct {
	uid, gid idSpace
	ids      map[bool]map[int64]int64 // by whether they are groups: the new numbers of accounts, and those given
	// Moves are what changes, in order: of files first.
	Moves []Move
	// Layers say of each layer whether anything in it changes.
	Layers []bool
	// User is the new USER.
	User string
	// Env are the variables that still have a number which became another one.
	Env []string
	// Unread say of which layers the accounts could not be read, and why.
	Unread []string
}

// Renumber decides it for an image whose layers were all visited. Numbers depend on the
// layers below as far as they can, so that images with a common base change it alike.
func (a *Auditor) Renumber(img image.Image, given Given) (*Renumbering, error) {
	if img.Windows() {
		return nil, fmt.Errorf("it is for %s, and engines on Linux refuse it whatever its owners are", img.Platform)
	}
	j := a.join(img, nil)
	r := &Renumbering{uid: a.uid, gid: a.gid, ids: map[bool]map[int64]int64{}}
	if !r.uid.good(0) || !r.gid.good(0) {
		return nil, fmt.Errorf("the ID map does not have ID 0, which files without an account are given to")
	}
	numbers, err := j.numbers(j.recipe().Uses, given)
	if err != nil {
		return nil, err
	}
	for _, group := range []bool{false, true} {
		r.ids[group] = map[int64]int64{}
		for id, to := range numbers {
			r.ids[group][id] = to
		}
		for id, to := range given.of(group) {
			if r.space(group).good(id) {
				return nil, fmt.Errorf("ID %d is in the ID map, so it stays", id)
			}
			if !r.space(group).good(to) {
				return nil, fmt.Errorf("ID %d cannot become %d, which is not in the ID map", id, to)
			}
			r.ids[group][id] = to
		}
	}
	r.User = r.user(img.Config.User)
	for i, l := range j.layers {
		r.Layers = append(r.Layers, r.layer(i, l))
	}
	r.Moves = r.moves(j)
	r.Env = r.env(img.Config.Env)
	return r, nil
}

// env finds the variables whose value is the old number of an account. Whether it is an ID
// at all, nobody knows, so it stays.
func (r *Renumbering) env(all []string) (found []string) {
	for _, v := range all {
		_, value, _ := strings.Cut(v, "=")
		for _, m := range r.Moves {
			if !m.Others && value == strconv.FormatInt(m.From, 10) {
				found = append(found, v)
				break
			}
		}
	}
	return found
}

// numbers are the new numbers of accounts and of a numeric USER: those of cures, too.
func (j *join) numbers(uses []dockerfile.Use, given Given) (map[int64]int64, error) {
	all := map[int64]int64{}
	free := j.free(uses)
	for _, chosen := range []map[int64]int64{given.UID, given.GID} {
		for _, to := range chosen {
			free.taken[to] = true
		}
	}
	number := func(ids []int64) error {
		slices.Sort(ids)
		for _, id := range slices.Backward(ids) {
			if _, known := all[id]; known || id < 0 || given.has(id) || j.uid.good(id) && j.gid.good(id) {
				continue
			}
			to, ok := free.take()
			if !ok {
				return fmt.Errorf("the ID map has no free number for the account with ID %d", id)
			}
			all[id] = to
		}
		return nil
	}
	for _, l := range j.layers {
		if err := number(append(l.passwd.ids("etc/passwd"), l.group.ids("etc/group")...)); err != nil {
			return all, err
		}
	}
	return all, number(userIDs(j.img.Config.User))
}

// free are numbers that the map takes and the image does not have, from 10001 downwards:
// above what distributions give away, below nobody.
type free struct {
	j     *join
	taken map[int64]bool
	next  int64
}

// free leaves out what instructions name, though no file may have it.
func (j *join) free(uses []dockerfile.Use) *free {
	f := &free{j, j.taken(), min(nearTop-1, j.gentle()-1)}
	for _, u := range uses {
		f.taken[u.ID] = true
	}
	return f
}

// take gives a number once, and false if there is none left.
func (f *free) take() (int64, bool) {
	for f.next > 0 && (f.taken[f.next] || !f.j.uid.good(f.next) || !f.j.gid.good(f.next)) {
		f.next--
	}
	f.next--
	return f.next + 1, f.next >= 0
}

// userIDs are the numbers of a USER, -1 for what is none.
func userIDs(spec string) []int64 {
	user, group, _ := strings.Cut(spec, ":")
	ids := []int64{-1, -1}
	for i, part := range []string{user, group} {
		if id, err := strconv.ParseInt(part, 10, 64); err == nil {
			ids[i] = id
		}
	}
	return ids
}

func (r *Renumbering) space(group bool) *idSpace {
	if group {
		return &r.gid
	}
	return &r.uid
}

// id is what becomes of an ID of an entry.
func (r *Renumbering) id(group bool, id int64) int64 {
	if r.space(group).treatment(id) == idmap.Mapped {
		return id
	}
	return r.ids[group][id]
}

// Owner is the owner that an entry gets. The root of a layer keeps its own, as engines do
// not look at it.
func (r *Renumbering) Owner(h *tarwalk.Header) (uid, gid int64) {
	uid, gid = r.id(false, h.UID), r.id(true, h.GID)
	if uid == h.UID && gid == h.GID {
		return uid, gid
	}
	if name, _ := clean(h.Name); string(name) == root {
		return h.UID, h.GID
	}
	return uid, gid
}

// Accounts gives what changes the contents of a passwd or group file, nil for what is none.
func (r *Renumbering) Accounts(h *tarwalk.Header) func([]byte) []byte {
	if h.Type != tar.TypeReg || h.Size > maxAccounts {
		return nil
	}
	name, _ := clean(h.Name)
	switch string(name) {
	case "etc/passwd":
		return func(data []byte) []byte { return r.lines("etc/passwd", data) }
	case "etc/group":
		return func(data []byte) []byte { return r.lines("etc/group", data) }
	}
	return nil
}

// lines gives a passwd or group file with the new numbers.
func (r *Renumbering) lines(name string, data []byte) []byte {
	var out []byte
	for line := range bytes.Lines(data) {
		fields := bytes.Split(line, []byte(":"))
		if _, _, ok := accountIDs(name, bytes.Split(bytes.TrimSpace(line), []byte(":"))); ok {
			if name == "etc/group" {
				fields[2] = r.field(true, fields[2])
			} else {
				fields[2] = r.field(false, fields[2])
				if len(fields) > 3 {
					fields[3] = r.field(true, fields[3])
				}
			}
		}
		out = append(out, bytes.Join(fields, []byte(":"))...)
	}
	return out
}

// field gives a number of an account, or the bytes as they are if it does not change.
func (r *Renumbering) field(group bool, text []byte) []byte {
	id, err := strconv.ParseInt(string(bytes.TrimSpace(text)), 10, 64)
	if to, ok := r.ids[group][id]; ok && err == nil && r.space(group).treatment(id) != idmap.Mapped {
		return bytes.Replace(text, bytes.TrimSpace(text), strconv.AppendInt(nil, to, 10), 1)
	}
	return text
}

// user is the USER with its new numbers.
func (r *Renumbering) user(spec string) string {
	parts := strings.SplitN(spec, ":", 2)
	for i, part := range parts {
		parts[i] = string(r.field(i == 1, []byte(part)))
	}
	return strings.Join(parts, ":")
}

// layer reports whether anything in a layer changes.
func (r *Renumbering) layer(i int, l *facts) bool {
	changes := slices.ContainsFunc(l.groups, func(g *group) bool { return g.rule != Owner })
	for name, f := range map[string]*accountFile{"etc/passwd": &l.passwd, "etc/group": &l.group} {
		if f.unread != "" {
			r.Unread = append(r.Unread, fmt.Sprintf("layer %d: %s", i+1, f.unread))
		}
		changes = changes || f.unread == "" && !bytes.Equal(f.data, r.lines(name, f.data))
	}
	return changes
}
