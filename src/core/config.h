/* SPDX-License-Identifier: MIT */
/* What a config means for a cluster of `n` members, ourselves included. */
#ifndef SHOAL_CORE_CONFIG_H
#define SHOAL_CORE_CONFIG_H

#include "../shoal.h"

uint8_t config_transmissions(const shoal_config *config, uint32_t n);
uint8_t config_news_transmissions(const shoal_config *config, uint32_t n);
uint64_t config_suspicion_us(const shoal_config *config, uint32_t n);

#endif
