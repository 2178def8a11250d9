package host

import (
	"encoding/binary"
	"errors"
	"strconv"
	"strings"
)

// errACL: an ACL is there, or may be, and nothing can read it.
var errACL = errors.New("has an access control list, and getfacl is missing there to read it")
var errNoGetfacl = errors.New("getfacl is missing there")

func readACLs(f *frames, there []string, into map[string]Stat) error {
	text, _, status, err := f.record(MaxLines)
	if err != nil {
		return err
	}
	var acls map[string]ACL
	if status == "0" {
		acls = parseGetfacl(string(text))
	}
	for i, path := range there {
		s := into[path]
		if s.Err != nil || s.Target != "" {
			continue
		}
		switch {
		case status == "0":
			s.ACL = acls[path]
		case status == "ls" && len(text) == len(there):
			if text[i] == '+' {
				s.ACL.Err = errACL
			}
		default:
			s.ACL.Err = errNoGetfacl
		}
		into[path] = s
	}
	return nil
}

// parseGetfacl reads what `getfacl -psn` prints: blocks that begin with the
// file's name. Default entries of directories are left out: they say nothing of
// the directory itself.
func parseGetfacl(text string) map[string]ACL {
	acls := map[string]ACL{}
	path := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "# file: "); ok {
			path = Unescape(name)
			continue
		}
		if e, ok := parseACLEntry(line); ok && len(acls[path].Entries) < maxACL {
			acls[path] = ACL{Entries: append(acls[path].Entries, e)}
		}
	}
	return acls
}

// maxACL is how many entries a list has at most: XATTR_SIZE_MAX, 8 bytes each.
const maxACL = 8192

// aclTags are the words of getfacl for entries with and without an ID.
var aclTags = map[string][2]ACLTag{
	"user":  {ACLUserObj, ACLUser},
	"group": {ACLGroupObj, ACLGroup},
	"mask":  {ACLMask, ACLMask},
	"other": {ACLOther, ACLOther},
}

// parseACLEntry reads a line such as "user:1000:rw-" or
// "group:5:rwx	#effective:r--".
func parseACLEntry(line string) (ACLEntry, bool) {
	line, _, _ = strings.Cut(line, "\t")
	parts := strings.Split(line, ":")
	if len(parts) != 3 {
		return ACLEntry{}, false
	}
	tags, ok := aclTags[parts[0]]
	if !ok {
		return ACLEntry{}, false
	}
	e := ACLEntry{Tag: tags[0], ID: -1}
	if parts[1] != "" {
		id, err := strconv.ParseUint(parts[1], 10, 32)
		if err != nil {
			return ACLEntry{}, false
		}
		e.Tag, e.ID = tags[1], int64(id)
	}
	for i, letter := range "rwx" {
		if strings.ContainsRune(parts[2], letter) {
			e.Perm |= 4 >> i
		}
	}
	return e, true
}

// Unescape undoes the octal that getfacl and the kernel's mount tables write for odd
// bytes of a name, such as \040 for a blank.
func Unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if c, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(c))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// parseACLAttr reads the extended attribute system.posix_acl_access: a version,
// then tag, permissions and ID of each entry (linux/posix_acl_xattr.h).
func parseACLAttr(attr []byte) ACL {
	if len(attr) < 4 || binary.LittleEndian.Uint32(attr) != 2 || len(attr)%8 != 4 {
		return ACL{Err: errors.New("an access control list of an unknown kind")}
	}
	var acl ACL
	for e := attr[4:]; len(e) > 0; e = e[8:] {
		entry := ACLEntry{
			Tag:  ACLTag(binary.LittleEndian.Uint16(e)),
			Perm: uint8(binary.LittleEndian.Uint16(e[2:]) & 7),
			ID:   -1,
		}
		if entry.Tag == ACLUser || entry.Tag == ACLGroup {
			entry.ID = int64(binary.LittleEndian.Uint32(e[4:]))
		}
		acl.Entries = append(acl.Entries, entry)
	}
	return acl
}
