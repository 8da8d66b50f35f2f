// The families of models: each is a function that reads a file's keys into a ModelSpec, in a file of its own, and a row
// here.
#pragma once

#include <string>
#include <string_view>

#include "model/spec_reader.h"
#include "shared/short_conv.h"

namespace pumice {

// general.architecture, and the function describe_…; several names may compute alike.
#define PUMICE_FAMILIES(X)              \
  X("llama", llama)                     \
  X("internlm2", llama)                 \
  X("deci", llama)                      \
  X("chatglm", llama)                   \
  X("xverse", llama)                    \
  X("nanbeige", llama)                  \
  X("mistral3", mistral3)               \
  X("smollm3", smollm3)                 \
  X("minicpm", minicpm)                 \
  X("granite", granite)                 \
  X("granitemoe", granite)              \
  X("qwen2", qwen2)                     \
  X("exaone", qwen2)                    \
  X("paddleocr", qwen2)                 \
  X("pangu-embedded", pangu)            \
  X("qwen2vl", qwen2vl)                 \
  X("ernie4_5", ernie45)                \
  X("ernie4_5-moe", ernie45)            \
  X("bailingmoe", bailingmoe)           \
  X("mellum", mellum)                   \
  X("granite_swa", granite_swa)         \
  X("exaone-moe", exaone_moe)           \
  X("openelm", qwen3)                   \
  X("qwen3", qwen3)                     \
  X("qwen3moe", qwen3)                  \
  X("bailingmoe2", dots1)               \
  X("qwen3vl", qwen3)                   \
  X("qwen3vlmoe", qwen3)                \
  X("phi3", phi3)                       \
  X("gemma", gemma)                     \
  X("gemma2", gemma2)                   \
  X("gemma3", gemma3)                   \
  X("gpt-oss", gpt_oss)                 \
  X("olmo2", olmo2)                     \
  X("olmoe", olmoe)                     \
  X("glm4", glm4)                       \
  X("glm4moe", glm4moe)                 \
  X("exaone4", exaone4)                 \
  X("seed_oss", seed_oss)               \
  X("deepseek", deepseek)               \
  X("dots1", dots1)                     \
  X("command-r", command_r)             \
  X("cohere2", cohere2)                 \
  X("starcoder2", starcoder2)           \
  X("codeshell", starcoder2)            \
  X("starcoder", gpt2)                  \
  X("gpt2", gpt2)                       \
  X("gptneox", gptneox)                 \
  X("falcon", falcon)                   \
  X("phi2", phi2)                       \
  X("stablelm", stablelm)               \
  X("orion", orion)                     \
  X("nemotron", nemotron)               \
  X("arcee", arcee)                     \
  X("plamo", plamo)                     \
  X("phimoe", phimoe)                   \
  X("minimax-m2", minimax_m2)           \
  X("qwen2moe", qwen2moe)               \
  X("hunyuan-dense", hunyuan)           \
  X("hunyuan-moe", hunyuan)             \
  X("hunyuan_vl", hunyuan)              \
  X("hy_v3", hy_v3)                     \
  X("maincoder", maincoder)             \
  X("dbrx", dbrx)                       \
  X("olmo", olmo)                       \
  X("afmoe", afmoe)                     \
  X("laguna", laguna)                   \
  X("mimo2", mimo2)                     \
  X("cohere2moe", cohere2moe)           \
  X("plamo3", plamo3)                   \
  X("qwen", qwen)                       \
  X("qwen3tts", qwen3)                  \
  X("jais2", nemotron)                  \
  X("grok", grok)                       \
  X("gemma4", gemma4)                   \
  X("deepseek2", deepseek2)             \
  X("mistral4", deepseek2)              \
  X("smallthinker", smallthinker)       \
  X("lfm2", lfm2)                       \
  X("lfm2moe", lfm2)                    \
  X("qwen35", qwen35)                   \
  X("qwen35moe", qwen35)                \
  X("qwen3next", qwen35)                \
  X("granitehybrid", granitehybrid)     \
  X("nemotron_h", nemotron_h)           \
  X("nemotron_h_moe", nemotron_h)       \
  X("mamba2", mamba2)                   \
  X("falcon-h1", falcon_h1)             \
  X("baichuan", baichuan)               \
  X("t5", t5)                           \
  X("t5encoder", t5encoder)             \
  X("marian", marian)                   \
  X("whisper", whisper)                 \
  X("bert", bert)                       \
  X("nomic-bert", nomic_bert)           \
  X("nomic-bert-moe", nomic_bert_moe)   \
  X("modern-bert", modern_bert)         \
  X("neo-bert", neo_bert)               \
  X("eurobert", eurobert)               \
  X("gemma-embedding", gemma_embedding) \
  X("llama-embed", llama)               \
  X("bloom", bloom)                     \
  X("mpt", mpt)                         \
  X("refact", refact)                   \
  X("jais", jais)                       \
  X("llama4", llama4)                   \
  X("cogvlm", cogvlm)                   \
  X("spark2_5", spark25)                \
  X("maple", maple)                     \
  X("maion-coder", maion_coder)         \
  X("k2-horizon", k2_horizon)           \
  X("pockettts", pockettts)             \
  X("minicpm3", minicpm3)               \
  X("arctic", arctic)                   \
  X("deepseek32", deepseek32)           \
  X("glm-dsa", deepseek32)              \
  X("minimax-m3", minimax_m3)           \
  X("talkie", talkie)

struct Family {
  const char* name;  // general.architecture
  Result<ModelSpec> (*describe)(KeyReader& reader);
};

// nullptr: unknown.
const Family* find_family(std::string_view name);
std::string family_names();  // "llama, qwen2, …"

#define PUMICE_FAMILY(name, family) Result<ModelSpec> describe_##family(KeyReader& reader);
PUMICE_FAMILIES(PUMICE_FAMILY)
#undef PUMICE_FAMILY

}  // namespace pumice
