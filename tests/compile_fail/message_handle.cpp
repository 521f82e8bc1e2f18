// SPDX-License-Identifier: BSL-1.0
// expect-first-error: strait::message: .*reference
#include <strait/strait.hpp>

using handle = strait::sender<int&>;

void use(const handle& tx) { tx.close(); }
