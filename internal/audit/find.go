package audit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/sh"
)

const toRootTest = `\( ! -user 0 -o ! -group 0 \) -exec chown -h 0:0 {} +`

// maxTogether bounds how long a command becomes.
const maxTogether = 8

// find is a command that gives the files of some groups the owners that the plan
// has for them. It leaves alone the half of an owner that is well.
func (j *join) find(moves []move, groups []*group) string {
	if tests := j.wholly(moves, groups); tests != nil {
		return "find " + sh.Word(common(groups)) + " -xdev " + either(tests) + " -exec chown -h 0:0 {} +"
	}
	return findIn(common(groups), moves)
}

// wholly are the tests for owners that become root's as a whole, nil if part of
// one stays.
func (j *join) wholly(moves []move, groups []*group) (tests []string) {
	for _, m := range moves {
		if m.to != 0 || m.from < 0 {
			return nil
		}
		tests = append(tests, m.test())
	}
	for _, g := range groups {
		if g.uid != 0 && !slices.Contains(moves, move{from: g.uid}) || g.gid != 0 && !slices.Contains(moves, move{from: g.gid, group: true}) {
			return nil
		}
	}
	if len(tests) > 2*maxTogether {
		return nil
	}
	return tests
}

func (m move) test() string {
	if m.group {
		return fmt.Sprintf("-group %d", m.from)
	}
	return fmt.Sprintf("-user %d", m.from)
}

func findIn(dir string, moves []move) string {
	where := "find " + sh.Word(dir) + " -xdev "
	if len(moves) > maxTogether || slices.ContainsFunc(moves, func(m move) bool { return m.from < 0 }) {
		return where + toRootTest
	}
	var parts []string
	for _, to := range targets(moves) {
		var users, groups []string
		for _, m := range moves {
			switch {
			case m.to != to:
			case m.group:
				groups = append(groups, m.test())
			default:
				users = append(users, m.test())
			}
		}
		if len(users) > 0 {
			parts = append(parts, where+either(users)+fmt.Sprintf(" -exec chown -h %d {} +", to))
		}
		if len(groups) > 0 {
			parts = append(parts, where+either(groups)+fmt.Sprintf(" -exec chgrp -h %d {} +", to))
		}
	}
	return strings.Join(parts, " && ")
}

// targets are the numbers that moves lead to, in order.
func targets(moves []move) (all []int64) {
	for _, m := range moves {
		all = appendNew(all, m.to)
	}
	return all
}

func either(tests []string) string {
	if len(tests) == 1 {
		return tests[0]
	}
	return `\( ` + strings.Join(tests, " -o ") + ` \)`
}

func (j *join) isCulprit(g *group, id int64, group bool) bool {
	space := &j.uid
	if group {
		space = &j.gid
	}
	return g.rule != Owner && space.treatment(id) != idmap.Mapped
}

// modules are the node_modules folders of a layer that packages' owners are in.
func (j *join) modules(layer int) string {
	var roots []string
	for _, other := range j.layers[layer].groups {
		roots = append(roots, other.roots...)
	}
	slices.Sort(roots)
	roots = slices.Compact(roots)
	if len(roots) == 0 || len(roots) > maxRoots {
		return sh.Word(common(j.layers[layer].groups))
	}
	for i, r := range roots {
		roots[i] = sh.Word(folder(r))
	}
	return strings.Join(slices.Compact(roots), " ")
}

// common is the deepest directory that holds all the offenders of some groups.
func common(groups []*group) string {
	dir := groups[0].common
	for _, g := range groups[1:] {
		dir = dir[:shared(dir, g.common)]
	}
	return folder(string(dir))
}
