"""The paper's tables, the curves of Figure 6, and a summary, as data without markup."""
