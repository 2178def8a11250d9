package survey

import (
	"context"
	"errors"

	"github.com/docker/docker/api/types"
	"github.com/docker/docker/api/types/system"
)

// noAPI is an engine that cannot be called: the calls that a survey makes first
// fail, so that it makes no other.
type noAPI struct{ API }

var errNoAPI = errors.New("there is no way to call it")

func (noAPI) Info(context.Context) (system.Info, error)            { return system.Info{}, errNoAPI }
func (noAPI) ServerVersion(context.Context) (types.Version, error) { return types.Version{}, errNoAPI }
