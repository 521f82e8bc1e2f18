// SPDX-License-Identifier: BSL-1.0

package main

const messageName = "string"

type message = string

func newMessage(i uint64) message {
	text := [24]byte{}
	for k := range text {
		text[k] = 'x'
	}
	for k := 0; k < 8; k++ {
		text[k] = byte(i >> (7 * k) & 0x7f)
	}
	return string(text[:])
}

func value(m message) uint64 {
	i := uint64(0)
	for k := 0; k < 8; k++ {
		i |= uint64(m[k]) << (7 * k)
	}
	return i
}
