package access

import (
	"errors"
	"fmt"

	"github.com/docker-userns/docker-userns/internal/idmap"
	"github.com/docker-userns/docker-userns/internal/survey"
)

// Everything is the map of a container without remap.
var Everything = idmap.Single(0, 1<<32-1)

// Unknown is why it is unknown what a container does with a path of the host, nil if it
// is known. known reports whether the survey has the path.
func Unknown(c survey.Container, p survey.Path, known bool) error {
	switch {
	case !known:
		return errors.New("it was not examined")
	case p.Stat.Err != nil:
		return p.Stat.Err
	case p.Stat.ACL.Err != nil:
		return fmt.Errorf("reading its ACL: %w", p.Stat.ACL.Err)
	case c.Identity.Err != nil:
		return fmt.Errorf("the container's user: %w", c.Identity.Err)
	}
	return nil
}
