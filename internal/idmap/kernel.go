package idmap

import (
	"errors"
	"fmt"
)

// What the kernel does not take, map_write of kernel/user_namespace.c.
var (
	errNegative = errors.New("it begins below 0")
	errNothing  = errors.New("a size of less than 1 maps nothing")
	errPastLast = errors.New("it reaches past 4294967294, the last ID there is")
)

// Err says why no such range can be mapped: IDs have 32 bits, and the highest
// number stands for no ID. Of a larger number the kernel takes the low 32 bits, so
// that 4294967296 would be the host's root.
func (r Range) Err() error {
	switch {
	case r.Start < 0:
		return errNegative
	case r.Size <= 0:
		return errNothing
	case r.Start > maxID || r.Size > maxID-r.Start:
		return errPastLast
	}
	return nil
}

// Err says why the kernel does not take the extent.
func (x Extent) Err() error {
	if err := (Range{Start: x.ContainerID, Size: x.Size}).Err(); err != nil {
		return err
	}
	return Range{Start: x.HostID, Size: x.Size}.Err()
}

// Err says why the kernel does not take the map, with which no container starts.
func (m Map) Err() error {
	for _, e := range []Extents{m.UID, m.GID} {
		if len(e) > MaxExtents {
			return fmt.Errorf("of %d ranges, more than the %d that the kernel takes", len(e), MaxExtents)
		}
		for _, x := range e {
			if err := x.Err(); err != nil {
				return fmt.Errorf("%s, and %w", x, err)
			}
		}
	}
	return nil
}
