// SPDX-License-Identifier: BSL-1.0

package main

const messageName = "b32"

type message = [4]uint64

func newMessage(i uint64) message {
	var m message
	for k := range m {
		m[k] = i
	}
	return m
}

func value(m message) uint64 { return m[len(m)-1] }
