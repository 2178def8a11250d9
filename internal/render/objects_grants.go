package render

import (
	"github.com/docker-userns/docker-userns/internal/access"
	"github.com/docker-userns/docker-userns/internal/remap"
)

// GrantedRight is a right that a change gives, or takes back.
type GrantedRight struct {
	Action string `json:"action" jsonschema:"give or take"`
	Path   string `json:"path"`
	Files  int64  `json:"files" jsonschema:"0 if it is taken back"`
	How    string `json:"how" jsonschema:"acl or owners"`
	User   *int64 `json:"user,omitempty" jsonschema:"of the host that gets an ACL entry"`
	Rights string `json:"rights,omitempty" jsonschema:"of the ACL entry, such as r-x"`
}

// RefusedRight is a mount that a container keeps fewer rights to.
type RefusedRight struct {
	Mount string `json:"mount" jsonschema:"container and path"`
	Why   string `json:"why"`
}

func grantsOf(p remap.Plan) []GrantedRight {
	all := []GrantedRight{}
	for _, g := range p.Grants.Job.Grants {
		one := GrantedRight{Action: p.Rights, Path: g.Path, Files: p.Grants.Files[g.Path], How: "owners"}
		if !g.Shift {
			one.How, one.User, one.Rights = "acl", &g.UID, access.Perm(g.Perm).String()
		}
		all = append(all, one)
	}
	return all
}

func notGranted(p remap.Plan) []RefusedRight {
	all := []RefusedRight{}
	for _, r := range p.Grants.Refused {
		all = append(all, RefusedRight(r))
	}
	return all
}
