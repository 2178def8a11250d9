//go:build linux

package carry

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// fdPath is a path to the very file of a descriptor, also of one without access.
func fdPath(fd int) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }

// A list of attributes, or why it could not be read.
type attributeList struct {
	all []attribute
	err error
}

// attributesOf reads the extended attributes of a file that is open, O_PATH included.
func (c *copier) attributesOf(fd int) attributeList {
	names, err := listAttributes(fd)
	if err != nil {
		return attributeList{err: err}
	}
	var list attributeList
	for _, name := range names {
		value, err := attributeOf(fd, name)
		if errors.Is(err, unix.ENODATA) {
			continue // removed meanwhile
		}
		if err != nil {
			return attributeList{err: fmt.Errorf("read the attribute %q: %w", name, err)}
		}
		list.all = append(list.all, attribute{name, value})
	}
	return list
}

func listAttributes(fd int) ([]string, error) {
	path := fdPath(fd)
	for size := 0; ; {
		b := make([]byte, size)
		n, err := unix.Listxattr(path, b)
		switch {
		case errors.Is(err, unix.EOPNOTSUPP), err == nil && n == 0:
			return nil, nil
		case errors.Is(err, unix.ERANGE), err == nil && size == 0:
			size = 64 << 10 // XATTR_LIST_MAX
		case err != nil:
			return nil, fmt.Errorf("list the attributes: %w", err)
		default:
			return strings.Split(strings.TrimSuffix(string(b[:n]), "\x00"), "\x00"), nil
		}
	}
}

func attributeOf(fd int, name string) ([]byte, error) {
	b := make([]byte, 256)
	n, err := unix.Getxattr(fdPath(fd), name, b)
	if errors.Is(err, unix.ERANGE) {
		b = make([]byte, 64<<10) // XATTR_SIZE_MAX
		n, err = unix.Getxattr(fdPath(fd), name, b)
	}
	if err != nil {
		return nil, err
	}
	return bytes.Clone(b[:n]), nil
}

// attributes gives the copy its owner, extended attributes, mode and times, in this
// order: a new owner clears the capabilities and the setuid bit, and an ACL the mode.
func (c *copier) attributes(fd int, list attributeList, st *unix.Stat_t, fresh bool) error {
	if list.err != nil {
		return list.err
	}
	uid, gid, mapped := c.Shift.Owner(st.Uid, st.Gid)
	if !mapped {
		c.Progress.Unmapped.Add(1)
	}
	if err := unix.Fchownat(fd, "", int(uid), int(gid), unix.AT_EMPTY_PATH); err != nil {
		return fmt.Errorf("set the owner of the copy: %w", err)
	}
	if err := c.setAttributes(fd, list.all, fresh); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFLNK {
		if err := unix.Chmod(fdPath(fd), st.Mode&0o7777); err != nil {
			return fmt.Errorf("set the mode of the copy: %w", err)
		}
	}
	times := []unix.Timespec{st.Atim, st.Mtim}
	if err := unix.UtimesNanoAt(unix.AT_FDCWD, fdPath(fd), times, 0); err != nil {
		return fmt.Errorf("set the times of the copy: %w", err)
	}
	return nil
}

func (c *copier) setAttributes(fd int, list []attribute, fresh bool) error {
	wanted := map[string]bool{}
	for _, a := range list {
		a, ok := c.Shift.shifted(a, c.Layer)
		if !ok {
			continue
		}
		wanted[a.name] = true
		if err := unix.Setxattr(fdPath(fd), a.name, a.value, 0); err != nil {
			return fmt.Errorf("set the attribute %q of the copy: %w", a.name, err)
		}
	}
	if fresh {
		return nil
	}
	// What an earlier copy had, or the default ACL of the folder gave.
	names, err := listAttributes(fd)
	if err != nil {
		return err
	}
	for _, name := range names {
		if wanted[name] || !strings.HasPrefix(name, "user.") && !strings.HasPrefix(name, "trusted.") && name != aclAccess && name != aclDefault && name != capability {
			continue
		}
		if err := unix.Removexattr(fdPath(fd), name); err != nil && !errors.Is(err, unix.ENODATA) {
			return fmt.Errorf("remove the attribute %q of the copy: %w", name, err)
		}
	}
	return nil
}
