// Package grant gives the users of an ID map the rights to files of the host that the same
// users had without it, and takes them back. It is for what containers mount from the host.
//
// A right is given by an entry in the POSIX ACL, acl(5), or by shifting the owners of files
// that software refuses to read if anybody else has a right to them. Both are given only to
// trees from which they can be taken back exactly, which [Look] finds out, and only while no
// container runs. Every file is worked on through a handle of its own: whatever else gets
// its name meanwhile is not touched.
package grant
