package remap

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/survey"
)

// madeFile is where the script of a change writes down what the change left on the
// host that did not exist before.
const madeFile = "made"

// Created is what a change left on the host that did not exist before, as it looked
// then. Nothing else is ever deleted as a change's own, and this only if it still
// looks the same.
type Created struct {
	Passwd, Group string // lines of the account; "" if it made none
	Tree          string // the data root that dockerd made for it; "" if it was there before
	Born          string // when, as stat -c %W says it; "-" if dockerd was to make it later
}

// parseMade reads lines of a kind and what is to be said of it.
func parseMade(text string) Created {
	var m Created
	for line := range strings.Lines(text) {
		kind, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch kind {
		case "passwd":
			m.Passwd = rest
		case "group":
			m.Group = rest
		case "tree":
			m.Born, m.Tree, _ = strings.Cut(rest, " ")
		}
	}
	return m
}

// accountMade reports whether the account of an earlier change is still as that made
// it: the same user of the same group, without a further member.
func accountMade(a survey.Accounts, past Past) bool {
	user := strings.Split(past.Made.Passwd, ":")
	if len(user) != 7 || user[0] != past.Account {
		return false
	}
	sameUser := slices.ContainsFunc(a.Users, func(u survey.Entry) bool {
		return u.Name == user[0] && fmt.Sprint(u.ID) == user[2] && fmt.Sprint(u.GID) == user[3] && u.Comment == user[4] && u.Home == user[5] && u.Shell == user[6]
	})
	group := strings.Split(past.Made.Group, ":")
	sameGroup := past.Made.Group == "" || slices.ContainsFunc(a.Groups, func(g survey.Entry) bool {
		return g.Name == group[0] && len(group) == 4 && fmt.Sprint(g.ID) == group[2] && len(g.Members) == 0
	})
	return sameUser && sameGroup
}

// Leftovers are the trees of a data root that enable made and that nothing needs
// once the engine does not remap: the one in use now, or if it does not remap, all.
// notRemoved are sentences about the others.
func Leftovers(f survey.Facts, past []Past) (trees []Tree, notRemoved []string) {
	for _, t := range f.Storage.Value.Trees {
		p := path.Join(f.Storage.Value.DataRoot, t.Name)
		if !t.InUse && f.Engine.Value.Remapped() {
			continue
		}
		made, known := madeTree(past, p)
		switch why := odd(t); {
		case !known:
			notRemoved = append(notRemoved, p+" is kept: no change in "+Folder+" created it")
		case why != "":
			notRemoved = append(notRemoved, p+" is kept: it is not as dockerd created it: "+why)
		default:
			trees = append(trees, Tree{Path: p, uid: t.UID, gid: t.GID, born: made.Born})
		}
	}
	return trees, notRemoved
}

// madeTree is the newest record of a tree.
func madeTree(past []Past, tree string) (Created, bool) {
	for _, p := range past {
		if p.Verb == Enable && p.Made.Tree == tree && p.After.DataRoot == tree {
			return p.Made, true
		}
	}
	return Created{}, false
}

// odd says what of a tree is not as dockerd makes it, "" if nothing is: 20.10 to 29
// make it for root and the group of the remapped root.
func odd(t survey.Tree) string {
	s := t.Stat
	switch {
	case s.Err != nil:
		return s.Err.Error()
	case !s.Mode.IsDir():
		return "it is not a directory"
	case s.UID != 0 && s.UID != t.UID || s.GID != 0 && s.GID != t.GID:
		return fmt.Sprintf("it belongs to %d:%d", s.UID, s.GID)
	case s.Mode&(fs.ModeSetuid|fs.ModeSetgid|fs.ModeSticky|0o022) != 0:
		return fmt.Sprintf("its mode is %04o", s.Mode.Perm())
	}
	return ""
}
