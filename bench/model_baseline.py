#!/usr/bin/env python3
"""A real model with transformers and TRL on the CPU: the references of `pirl bench --model`.

    python model_baseline.py versions
    python model_baseline.py sample MODEL WORK.json      generate() for the questions of WORK.json, group by group
    python model_baseline.py train  MODEL WORK.json      forward, backward and AdamW on the sequences of WORK.json
    python model_baseline.py step   MODEL WORK.json      whole GRPO steps of TRL on the questions of WORK.json

WORK.json: {threads, group, maxTokens, microBatch, questions: [{question, answer}], sequences: [{prompt, response}]}, the
sequences in tokens. The last line of the output is a JSON object. f32, full fine-tuning, temperature 1, no KL loss.
Reads no network: MODEL is a folder.
"""
import importlib.metadata
import json
import os
import re
import sys
import tempfile
import time

os.environ.setdefault("HF_HUB_OFFLINE", "1")


def versions(_model, _work):
    found = {}
    for name in ("torch", "transformers", "trl", "datasets", "accelerate"):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def load(model, work):
    import torch
    from transformers import AutoModelForCausalLM

    torch.set_num_threads(work["threads"])
    torch.manual_seed(0)
    return torch, AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32, attn_implementation="sdpa")


def sample(model_path, work):
    """Real new tokens: those up to the end of each response. The batch goes on until its longest response ends."""
    from transformers import AutoTokenizer

    torch, model = load(model_path, work)
    tokenizer = AutoTokenizer.from_pretrained(model_path)
    tokenizer.padding_side = "left"
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    texts = []
    for row in work["questions"]:
        message = [{"role": "user", "content": row["question"]}]
        text = row["question"]
        if tokenizer.chat_template is not None:
            text = tokenizer.apply_chat_template(message, add_generation_prompt=True, tokenize=False)
        texts += [text] * work["group"]
    batch = tokenizer(texts, return_tensors="pt", padding=True, add_special_tokens=tokenizer.chat_template is None)
    ends = model.generation_config.eos_token_id
    ends = ends if isinstance(ends, list) else [ends]
    started = time.perf_counter()
    with torch.no_grad():
        out = model.generate(**batch, do_sample=True, temperature=1.0, top_k=0, top_p=1.0,
                             max_new_tokens=work["maxTokens"], pad_token_id=tokenizer.pad_token_id)
    seconds = time.perf_counter() - started
    tokens = 0
    for row in out[:, batch["input_ids"].shape[1]:].tolist():
        stop = next((i for i, token in enumerate(row) if token in ends), len(row) - 1)
        tokens += stop + 1
    return {"seconds": seconds, "tokens": tokens}


def train(model_path, work):
    """One optimiser step on given sequences: prompts padded on the left, responses on the right, as TRL does."""
    torch, model = load(model_path, work)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6)
    sequences, micro = work["sequences"], work["microBatch"]
    started = time.perf_counter()
    for start in range(0, len(sequences), micro):
        part = sequences[start:start + micro]
        before = max(len(s["prompt"]) for s in part)
        after = max(len(s["response"]) for s in part)
        ids = torch.zeros(len(part), before + after, dtype=torch.long)
        mask = torch.zeros(len(part), before + after, dtype=torch.long)
        for i, s in enumerate(part):
            ids[i, before - len(s["prompt"]):before + len(s["response"])] = torch.tensor(s["prompt"] + s["response"])
            mask[i, before - len(s["prompt"]):before + len(s["response"])] = 1
        logits = model(ids, attention_mask=mask, logits_to_keep=after + 1).logits[:, :-1]
        logprobs = torch.log_softmax(logits.float(), -1).gather(-1, ids[:, before:, None]).squeeze(-1)
        (-(logprobs * mask[:, before:]).sum() / len(sequences)).backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad()
    seconds = time.perf_counter() - started
    return {"seconds": seconds, "tokens": sum(len(s["prompt"]) + len(s["response"]) for s in sequences)}


def step(model_path, work):
    import torch
    from datasets import Dataset
    from trl import GRPOConfig, GRPOTrainer

    torch.set_num_threads(work["threads"])
    data = Dataset.from_list([
        {"prompt": [{"role": "user", "content": row["question"]}], "answer": row["answer"]} for row in work["questions"]
    ])

    def reward(completions, answer, **_):
        """1 when the last whole number of a completion is the answer."""
        found = [re.findall(r"-?\d+", completion[0]["content"]) for completion in completions]
        return [1.0 if numbers and numbers[-1] == gold else 0.0 for numbers, gold in zip(found, answer)]

    with tempfile.TemporaryDirectory() as out:
        config = GRPOConfig(
            output_dir=out, use_cpu=True, bf16=False, per_device_train_batch_size=work["microBatch"],
            gradient_accumulation_steps=work["prompts"] * work["group"] // work["microBatch"],
            num_generations=work["group"], max_completion_length=work["maxTokens"], max_steps=work["steps"],
            logging_steps=1, learning_rate=1e-5, beta=0.0, report_to="none", save_strategy="no",
            gradient_checkpointing=False, model_init_kwargs={"dtype": "float32"},
        )
        trainer = GRPOTrainer(model=model_path, reward_funcs=reward, args=config, train_dataset=data)
        trainer.train()
    responses = work["prompts"] * work["group"]
    logged = [entry for entry in trainer.state.log_history if "completions/mean_length" in entry]
    tokens = sum(entry["completions/mean_length"] * responses for entry in logged)
    # TRL's own clock: sampling, rewards, forward and backward, without the optimiser's step.
    return {"seconds": sum(entry["step_time"] for entry in logged), "tokens": tokens}


if __name__ == "__main__":
    kinds = {"versions": versions, "sample": sample, "train": train, "step": step}
    arguments = sys.argv[1:]
    if not arguments or arguments[0] not in kinds:
        raise SystemExit(__doc__)
    model, given = None, None
    if arguments[0] != "versions":
        model = arguments[1]
        with open(arguments[2]) as file:
            given = json.load(file)
    print(json.dumps(kinds[arguments[0]](model, given)))
