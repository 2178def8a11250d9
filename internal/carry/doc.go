// Package carry copies trees of files with shifted owners, such as the layers and
// volumes of a data root: what belongs to container ID N belongs to the host ID of N in
// the copy. Everything else of a file stays what it is: type, content, holes, mode,
// times, links, extended attributes, ACLs and capabilities.
//
// The source may be in use by containers, which are not trusted: no link is followed,
// no device is opened, no mount is entered, and nothing is read that is not below the
// source. A tree can be copied again, and then only what changed since is copied.
// Nobody except root may have access to the target.
package carry
