// SPDX-License-Identifier: BSL-1.0
#pragma once

#define STRAIT_VERSION_MAJOR 0
#define STRAIT_VERSION_MINOR 1
#define STRAIT_VERSION_PATCH 0
#define STRAIT_VERSION "0.1.0"
