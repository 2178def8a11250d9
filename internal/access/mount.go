package access

import (
	"errors"
	"fmt"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// Everything is the map of a container without remap.
var Everything = idmap.Single(0, 1<<32-1)

// Untold says why it cannot be told what a container does with a path of the
// host, or nil where it can. known says that the path was looked at.
func Untold(c survey.Container, p survey.Path, known bool) error {
	switch {
	case !known:
		return errors.New("it was not looked at")
	case p.Stat.Err != nil:
		return p.Stat.Err
	case p.Stat.ACL.Err != nil:
		return fmt.Errorf("its ACL: %w", p.Stat.ACL.Err)
	case c.Identity.Err != nil:
		return fmt.Errorf("the container's user: %w", c.Identity.Err)
	}
	return nil
}
